import type { Embedder } from "../../../src/embedding/index.ts";

/** Counts letters: near texts have near vectors, the same text always the same one. */
export function fakeEmbedder(model: string, dimensions: number): Embedder {
  const embedOne = (text: string): Float32Array => {
    const vector = new Float32Array(dimensions);
    for (const letter of text) {
      const at = (letter.codePointAt(0) ?? 0) % dimensions;
      vector[at] = (vector[at] ?? 0) + 1;
    }
    const length = Math.hypot(...vector);
    return vector.map((x) => x / length);
  };
  return {
    model,
    dimensions,
    embed: async (texts) => texts.map(embedOne),
    warm: async () => undefined,
    close: async () => undefined,
  };
}

import { MosaicError } from "../../base/index.ts";

function badReply(what: string): MosaicError {
  return new MosaicError("unavailable", "read embedding reply", {
    code: "embedding_bad_reply",
    detail: `The embedding endpoint's answer can't be used: ${what}.`,
    hint: "does EMBEDDING_URL speak OpenAI's POST /embeddings?",
  });
}

interface Item {
  readonly index?: unknown;
  readonly embedding?: unknown;
}

/** The unit vectors of a reply, in the order of the `count` texts that were sent; `width` is their length if known. */
export function vectorsOf(reply: unknown, count: number, width?: number): Float32Array[] {
  const data: unknown = typeof reply === "object" && reply !== null && "data" in reply ? reply.data : undefined;
  if (!Array.isArray(data)) throw badReply("it has no `data` array");
  if (data.length !== count) throw badReply(`${data.length} vectors for ${count} texts`);
  const vectors = new Array<Float32Array | undefined>(count);
  for (const [position, item] of (data as Item[]).entries()) {
    const index = typeof item?.index === "number" ? item.index : position;
    vectors[index] = unitVector(item?.embedding);
  }
  return checked(vectors.slice(0, count), width);
}

function checked(vectors: readonly (Float32Array | undefined)[], width = vectors[0]?.length): Float32Array[] {
  return Array.from(vectors, (vector) => {
    if (vector === undefined) throw badReply("a text has no vector");
    if (vector.length !== width) throw badReply(`a vector of ${vector.length} numbers where ${width} are expected`);
    return vector;
  });
}

function unitVector(embedding: unknown): Float32Array {
  if (!Array.isArray(embedding) || embedding.length === 0) throw badReply("an embedding is not an array of numbers");
  if (!embedding.every((value) => typeof value === "number")) throw badReply("an embedding is not an array of numbers");
  const values = Float64Array.from(embedding as number[]);
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  if (!(length > 0 && Number.isFinite(length))) throw badReply("a vector without a direction");
  return Float32Array.from(values, (value) => value / length);
}

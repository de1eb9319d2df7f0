import type { OpenOptions } from "../../src/engine/index.ts";

/** Clients bring their vectors. */
export const fakeEmbedder: NonNullable<OpenOptions["embedder"]> = {
  model: undefined,
  dimensions: undefined,
  embed: async () => [],
  warm: async () => undefined,
  close: async () => undefined,
} as unknown as NonNullable<OpenOptions["embedder"]>;

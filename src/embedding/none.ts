import { MosaicError } from "../base/index.ts";
import type { Embedder } from "./embedder.ts";

/** The embedder of a server whose clients bring their own vectors: it refuses, and says what to send. */
export const noEmbedder: Embedder = {
  model: undefined,
  dimensions: undefined,
  embed: () =>
    Promise.reject(
      new MosaicError("invalid", "embed text", {
        code: "embedding_required",
        detail: "This server embeds no text: send `embedding` with a document and `vector` with a search.",
      }),
    ),
  warm: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

import type { RowFeatures } from "../search/index.ts";

/** A row with all that SQL may read of it. */
export const wholeDocument = ({ id, document, vector, pagerank, createdAt }: RowFeatures) => ({
  id,
  text: document?.text ?? "",
  metadata: document?.metadata ?? "{}",
  createdAt,
  updatedAt: document?.updatedAt ?? createdAt,
  vector,
  pagerank,
});

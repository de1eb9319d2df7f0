import type { TailDocument, WholeDocument } from "./data.ts";
import type { DocumentColumn } from "./language/documents.ts";
import type { SqlValue } from "./language/values.ts";

export const bytesOf = (vector: Float32Array): Uint8Array =>
  new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);

/** Such documents as rows for a process. */
export const wholeRows = (documents: readonly WholeDocument[]): readonly (readonly SqlValue[])[] =>
  documents.map(({ id, text, metadata, vector, createdAt, updatedAt, pagerank }) => [
    id,
    text,
    metadata,
    vector === null ? null : bytesOf(vector),
    createdAt,
    updatedAt,
    pagerank,
  ]);

/** The tail as rows for a process, column by column without word_count. What the statement does not read stays here. */
export function tailRows(
  tail: readonly TailDocument[],
  columns: readonly DocumentColumn[],
): readonly (readonly SqlValue[])[] {
  const wants = new Set(columns);
  const withText = wants.has("text") || wants.has("word_count");
  return tail.map(({ id, text, metadata, vector, createdAt, updatedAt }) => [
    id,
    withText ? text : "",
    wants.has("metadata") ? metadata : null,
    wants.has("embedding") && vector !== null ? bytesOf(vector) : null,
    createdAt,
    updatedAt,
    0,
  ]);
}

import fc from "fast-check";
import { type DocumentId, documentId } from "../../src/base/index.ts";
import type { Operation, Upsert } from "../../src/ingest/index.ts";

export const upsert = (id: string, changes: Partial<Upsert> = {}): Upsert => ({
  kind: "upsert",
  id: documentId(id),
  text: `text of ${id}`,
  metadata: "{}",
  createdAt: "2024-03-01 10:00:00",
  updatedAt: "2024-03-01 10:00:00",
  vector: Float32Array.of(1, 2, 3),
  ...changes,
});
export const remove = (id: string): Operation => ({ kind: "delete", id: documentId(id) });

const text = fc.string({ unit: "grapheme", maxLength: 30 });
const id = fc.string({ unit: "grapheme", minLength: 1, maxLength: 10 }).filter((one) => !one.includes("\0"));
const vector = fc.option(
  fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 20 }).map((numbers) => Float32Array.from(numbers)),
);
export const anyOperation: fc.Arbitrary<Operation> = fc.oneof(
  id.map((one): Operation => ({ kind: "delete", id: one as DocumentId })),
  fc
    .record({ id, text, metadata: fc.json(), createdAt: text, updatedAt: text, vector })
    .map((fields): Operation => ({ kind: "upsert", ...fields, id: fields.id as DocumentId })),
);

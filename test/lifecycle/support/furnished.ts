import { expect } from "vitest";
import type { DocumentInput, Mosaic } from "../../../src/engine/index.ts";
import { decodeManifest, type Manifest, segmentKey } from "../../../src/manifest/index.ts";
import type { ObjectStore } from "../../../src/store/index.ts";
import { differenceFrom, ranking } from "../../engine/support/brute-force.ts";
import { docs, openTestEngine, vectorsOf } from "../../engine/support/engine.ts";

export const prefix = "tenants/acme/docs/";
const query = [0.3, -0.2, 0.9, 0.1, -0.5, 0.4, 0.2, -0.1];

export interface Furnished {
  readonly documents: ReadonlyMap<string, DocumentInput>;
  /** Ids of the live rows of each shard, and of each segment of the tail. */
  readonly idsOf: Readonly<Record<"first" | "second" | "tail" | "tailEnd", readonly string[]>>;
}

/** Two shards, the first with dead rows, and a tail of two segments. */
export async function furnish(store: ObjectStore): Promise<Furnished> {
  const engine = await openTestEngine({ store });
  const next = vectorsOf(1, 8);
  const documents = new Map<string, DocumentInput>();
  const put = async (from: number, to: number): Promise<readonly string[]> => {
    const many = Array.from({ length: to - from }, (_, at) => {
      const id = `doc ${from + at}`;
      return { id, text: `text of ${id}`, embedding: next() };
    });
    await engine.putMany(docs, many);
    for (const document of many) documents.set(document.id, document);
    return many.map(({ id }) => id);
  };
  const first = await put(0, 40);
  await engine.fold(docs);
  const second = await put(40, 60);
  for (const id of ["doc 3", "doc 4"]) {
    await engine.delete(docs, id);
    documents.delete(id);
  }
  await engine.fold(docs);
  const tail = await put(60, 70);
  const tailEnd = await put(70, 75);
  await engine.close();
  return { documents, idsOf: { first: first.filter((id) => documents.has(id)), second, tail, tailEnd } };
}

export async function manifestOf(store: ObjectStore): Promise<Manifest> {
  const got = await store.get(`${prefix}manifest.json`);
  if (got.status !== "found") throw new Error("no manifest");
  return decodeManifest(got.bytes, "manifest.json");
}

/** Keys of one object of each kind; the shards are those of `furnish`, in the order that they were made. */
export async function keysByKind(store: ObjectStore): Promise<Readonly<Record<string, string>>> {
  const { shards, foldedThrough } = await manifestOf(store);
  const [first, second] = shards;
  if (first?.deletes == null || second === undefined) throw new Error("not furnished");
  return {
    manifest: `${prefix}manifest.json`,
    segment: prefix + segmentKey(foldedThrough + 1),
    "shard file": second.file.key,
    summary: second.summary.key,
    bitmap: first.deletes.key,
  };
}

/** The collection answers exactly with all documents but those of `lost`, whole or degraded as it should be. */
export async function expectAnswers(engine: Mosaic, { documents }: Furnished, lost: readonly string[]): Promise<void> {
  const live = [...documents].filter(([id]) => !lost.includes(id));
  const answer = await engine.search(docs, { vector: query, limit: 1000, recall: "exact" });
  const expected = ranking(
    "cosine",
    query,
    live.map(([id, { embedding }]) => [id, embedding as readonly number[]] as const),
  );
  expect(differenceFrom(expected, answer.results, { limit: 1000 })).toBeUndefined();
  for (const { id, text } of answer.results) expect(text).toBe(documents.get(id)?.text);
}

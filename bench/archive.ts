/**
 * Shards into a class that must be restored, and back: how long it takes, what a stub is, and what it costs to replace documents
 * that lie in a frozen shard.
 *
 *   npm run bench:archive               63,466 documents in 7 shards
 *   npm run bench:archive -- --quick    4,000 in 4
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { scopeOf, settingsFrom } from "../src/base/index.ts";
import { type JobInfo, Mosaic } from "../src/engine/index.ts";
import { MemoryStore } from "../src/store/index.ts";
import { dimensions, readDocuments, readVectors, rowOf } from "./data.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" } } });
const docs = scopeOf("default", "documents");
const rows = values.quick === true ? 4000 : 63_466;
const shardMaxDocs = values.quick === true ? 1000 : 10_000;
const replaced = 500;

const folder = mkdtempSync(join(tmpdir(), "mosaic-bench-archive-"));
const settings = settingsFrom({ embeddingModel: "none", cachePath: folder, shardMaxDocs, foldSegments: 1_000_000 });
const engine = await Mosaic.open(settings, { store: new MemoryStore() });
try {
  await measure();
} finally {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  await fill();
  const readable = await foldOfReplacements();
  const before = await engine.stats(docs);
  const ids = before.shards.map(({ id }) => id);
  const frozeS = await seconds(() => engine.archive(docs, { shards: ids, storage_class: "GLACIER" }));
  const { shards } = await engine.stats(docs);
  const stubs = shards.reduce((sum, { archived }) => sum + (archived?.stub_bytes ?? 0), 0);
  const bytes = shards.reduce((sum, shard) => sum + shard.bytes, 0);
  const documents = shards.reduce((sum, shard) => sum + shard.documents, 0);
  console.log(
    `${documents.toLocaleString("en")} documents in ${shards.length} shards, ${(bytes / 2 ** 20).toFixed(0)} MiB`,
  );
  console.log(`frozen in ${frozeS.toFixed(2)} s, ${(frozeS / shards.length).toFixed(2)} s a shard`);
  console.log(
    `stubs: ${(stubs / documents).toFixed(0)} bytes a document, ${((100 * stubs) / bytes).toFixed(1)} % of the files`,
  );
  const frozen = await foldOfReplacements();
  console.log(
    `fold of ${replaced} replaced documents: ${readable.toFixed(2)} s in readable shards, ${frozen.toFixed(2)} s in frozen ones`,
  );
  const backS = await seconds(() => engine.restore(docs));
  console.log(`brought back in ${backS.toFixed(2)} s, once storage has restored the files`);
}

async function fill(): Promise<void> {
  const [documents, vectors] = [readDocuments(), readVectors()];
  for (let first = 0; first < rows; first += 1000) {
    const part = documents.slice(first, Math.min(rows, first + 1000));
    await engine.putMany(
      docs,
      part.map(({ id, text, metadata }, at) => ({
        id,
        text,
        metadata,
        embedding: rowOf(vectors, first + at).subarray(0, dimensions),
      })),
    );
    if ((first + 1000) % shardMaxDocs === 0) await engine.fold(docs);
  }
  await engine.fold(docs);
}

/** Documents from all over the collection, with the same text again. */
async function foldOfReplacements(): Promise<number> {
  const [documents, vectors] = [readDocuments(), readVectors()];
  const step = Math.floor(Math.min(rows, documents.length) / replaced);
  const again = Array.from({ length: replaced }, (_, at) => {
    const { id, text, metadata } = documents[at * step] as (typeof documents)[number];
    return { id, text, metadata, embedding: rowOf(vectors, at * step) };
  });
  await engine.putMany(docs, again);
  const startedMs = performance.now();
  await engine.fold(docs);
  return (performance.now() - startedMs) / 1000;
}

/** Of a job, from its beginning to its end. */
async function seconds(begin: () => Promise<JobInfo>): Promise<number> {
  const startedMs = performance.now();
  const begun = await begin();
  await engine.jobEnded(begun.id);
  const job = await engine.job(docs.tenant, begun.id);
  if (job.status !== "done") throw new Error(`the job ${job.status}: ${job.error?.detail ?? job.waits_until}`);
  return (performance.now() - startedMs) / 1000;
}

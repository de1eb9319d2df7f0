import { describe, expect, test } from "vitest";
import type { JobInfo, Mosaic } from "../../src/engine/index.ts";
import { FolderStore, MemoryStore, type ObjectStore } from "../../src/store/index.ts";
import { differenceFrom, ranking } from "./support/brute-force.ts";
import { docs, openTestEngine, type TestEngineOptions, temporaryFolder, vectorsOf } from "./support/engine.ts";

type Vectors = Map<string, readonly number[]>;

/** Several sealed shards, dead rows in each, and a tail. */
async function furnish(engine: Mosaic, shards: number, documents = 600): Promise<Vectors> {
  const next = vectorsOf(3, 8);
  const live: Vectors = new Map();
  for (let shard = 0; shard < shards; shard++) {
    const many = Array.from({ length: documents }, (_, at) => ({
      id: `${shard}/${at}`,
      text: `text ${shard}/${at}`,
      embedding: next(),
    }));
    await engine.putMany(docs, many);
    for (const { id, embedding } of many) live.set(id, embedding);
    await engine.fold(docs);
  }
  for (let shard = 0; shard < shards; shard++) {
    await engine.delete(docs, `${shard}/0`);
    live.delete(`${shard}/0`);
    const embedding = next();
    await engine.put(docs, { id: `${shard}/1`, text: "replaced", embedding });
    live.set(`${shard}/1`, embedding);
  }
  await engine.fold(docs);
  return live;
}

async function finished(engine: Mosaic, job: JobInfo): Promise<JobInfo> {
  await engine.jobEnded(job.id);
  return await engine.job(docs.tenant, job.id);
}

async function expectExactly(engine: Mosaic, live: Vectors): Promise<void> {
  const query = [0.3, -0.2, 0.9, 0.1, -0.5, 0.4, 0.2, -0.1];
  const answer = await engine.search(docs, { vector: query, limit: 100, recall: "exact" });
  expect(answer.degraded).toBe(false);
  const expected = ranking("cosine", query, [...live]);
  expect(differenceFrom(expected.slice(0, 100), answer.results, { limit: 100 })).toBeUndefined();
  const report = await engine.verify(docs);
  expect(report.problems).toEqual([]);
  expect(report.documents).toBe(live.size);
}

const small: TestEngineOptions["settings"] = { shardMaxDocs: 1024 };

describe.each(["memory", "folder"])("compaction on %s", (kind) => {
  const open = (): ObjectStore => (kind === "memory" ? new MemoryStore() : new FolderStore(temporaryFolder()));

  test("merges, drops dead rows, keeps every document once", async () => {
    const engine = await openTestEngine({ store: open(), settings: { ...small, shardMaxDocs: 500 } });
    const live = await furnish(engine, 6);
    const before = await engine.stats(docs);
    expect(before.deleted).toBeGreaterThan(0);
    const job = await finished(engine, await engine.compact(docs));
    expect(job).toMatchObject({ status: "done", error: null });
    const after = await engine.stats(docs);
    expect(after).toMatchObject({ deleted: 0, documents: live.size, shards_by_status: { active: 0, sealed: 0 } });
    expect(after.shards.length).toBe(Math.ceil(live.size / 500));
    await expectExactly(engine, live);
  });

  test("in several steps, each of a few shards, gives the same", async () => {
    const settings = { shardMaxDocs: 500, compactStepBytes: 2_000_000 };
    const engine = await openTestEngine({ store: open(), settings });
    const live = await furnish(engine, 8);
    const job = await finished(engine, await engine.compact(docs));
    expect(job).toMatchObject({ status: "done" });
    expect((await engine.stats(docs)).deleted).toBe(0);
    await expectExactly(engine, live);
  });

  test("carries over what is written, replaced and deleted meanwhile", async () => {
    const engine = await openTestEngine({ store: open(), settings: { shardMaxDocs: 500 } });
    const other = engine;
    const live = await furnish(engine, 6);
    const next = vectorsOf(9, 8);
    const job = await engine.compact(docs);
    for (let at = 2; at < 60; at++) {
      const id = `${at % 6}/${at}`;
      if (at % 3 === 0) {
        await other.delete(docs, id);
        live.delete(id);
      } else {
        const embedding = next();
        await other.put(docs, { id: at % 3 === 1 ? id : `new ${at}`, text: "meanwhile", embedding });
        live.set(at % 3 === 1 ? id : `new ${at}`, embedding);
      }
      if (at % 10 === 0) await other.fold(docs);
    }
    expect(await finished(engine, job)).toMatchObject({ status: "done" });
    await expectExactly(engine, live);
    await engine.fold(docs);
    await expectExactly(engine, live);
  });
});

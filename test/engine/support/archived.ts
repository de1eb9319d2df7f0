import { expect, vi } from "vitest";
import { type Scope, seededRandom } from "../../../src/base/index.ts";
import type { JobInfo, Mosaic, SearchResponse, SqlResponse } from "../../../src/engine/index.ts";
import type { TestClock } from "./clock.ts";
import { docs, vectorsOf } from "./engine.ts";

const dimensions = 16;
export const groups = ["old", "mid", "new"] as const;
export type Group = (typeof groups)[number];
const years: Readonly<Record<Group, number>> = { old: 2020, mid: 2022, new: 2024 };
const words = ["anchor", "breeze", "candle", "delta", "ember", "fjord", "glacier", "harbour"];

export interface Furnished {
  readonly scope: Scope;
  /** Ids of the shards, by the group that each holds. */
  readonly shards: Readonly<Record<Group, string>>;
  readonly vectors: ReadonlyMap<string, number[]>;
}

/** Three shards of `each` documents, which differ by time and by a key of their metadata. Group `old` alone has the word `fossil`. */
export async function furnish(engine: Mosaic, { scope = docs, each = 40 } = {}): Promise<Furnished> {
  await engine.createCollection(scope, { dimensions, embedding_model: "none" });
  const next = vectorsOf(7, dimensions);
  const chance = seededRandom(11);
  const word = (): string => words[Math.floor(chance() * words.length)] as string;
  const vectors = new Map<string, number[]>();
  const shards: Partial<Record<Group, string>> = {};
  for (const group of groups) {
    const documents = Array.from({ length: each }, (_, at) => {
      const embedding = next();
      const id = `${group}-${at}`;
      vectors.set(id, embedding);
      const text = [word(), word(), word(), group === "old" ? "fossil" : "leaf"].join(" ");
      const day = String((at % 28) + 1).padStart(2, "0");
      return { id, text, metadata: { group, at }, embedding, created_at: `${years[group]}-05-${day}T10:00:00Z` };
    });
    await engine.putMany(scope, documents);
    await engine.fold(scope);
    const known = new Set(Object.values(shards));
    const { shards: now } = await engine.stats(scope);
    shards[group] = now.find(({ id }) => !known.has(id))?.id as string;
  }
  return { scope, shards: shards as Record<Group, string>, vectors };
}

/** The job as it is when it is over. */
export async function finished(engine: Mosaic, begun: JobInfo, { tenant }: Scope = docs): Promise<JobInfo> {
  return await vi.waitFor(
    async () => {
      const job = await engine.job(tenant, begun.id);
      if (job.status === "running") throw new Error(`still running: ${JSON.stringify(job.progress)}`);
      return job;
    },
    { timeout: 120_000, interval: 5 },
  );
}

/** The job as it is when it waits for storage. */
export async function putAside(engine: Mosaic, begun: JobInfo): Promise<JobInfo> {
  await engine.jobEnded(begun.id);
  const job = await engine.job(docs.tenant, begun.id);
  expect(job).toMatchObject({ status: "running", waits_until: expect.any(String) });
  return job;
}

export async function archived(
  engine: Mosaic,
  shards: readonly string[],
  storageClass: "STANDARD_IA" | "GLACIER_IR" | "GLACIER" | "DEEP_ARCHIVE",
): Promise<void> {
  const job = await finished(engine, await engine.archive(docs, { shards, storage_class: storageClass }));
  expect(job).toMatchObject({ status: "done", error: null });
}

/** Moves time on until the job is over: what it waits for, and the looking at it, take no time otherwise. */
export async function restoredInTime(engine: Mosaic, clock: TestClock, begun: JobInfo): Promise<JobInfo> {
  for (let hour = 0; hour < 48; hour++) {
    await engine.jobEnded(begun.id);
    const job = await engine.job(docs.tenant, begun.id);
    if (job.status !== "running") return job;
    clock.advance(3_600_000);
    await clock.sleep();
  }
  return await finished(engine, begun);
}

export const idsOf = ({ results }: SearchResponse): readonly string[] => results.map(({ id }) => id);
export const rowsOf = ({ rows }: SqlResponse): SqlResponse["rows"] => rows;

/** Queries of every kind with their answers, without what they cost. */
export async function answersOf(engine: Mosaic, { vectors }: Furnished, where: string): Promise<unknown> {
  const vector = vectors.get("new-3") as number[];
  const include = ["text", "metadata", "scores"] as const;
  const scorers = [{ name: "vector_similarity" }, { name: "bm25" }, { name: "pagerank" }] as const;
  const ranker = { scorers, fusion: "weighted_sum" } as const;
  const common = { where, limit: 10, include, consistency: "strong" } as const;
  const searches = await Promise.all([
    engine.search(docs, { vector, ...common, recall: "exact" }),
    engine.search(docs, { vector, ...common, recall: "balanced" }),
    engine.hybrid(docs, { query: "anchor breeze", ...common }),
    engine.hybrid(docs, { query: "glacier", vector, ...common, ranker }),
  ]);
  const sqls = await Promise.all([
    engine.sql(docs, { sql: `SELECT id, text FROM documents WHERE ${where} ORDER BY id` }),
    engine.sql(docs, { sql: `SELECT count(*), avg(word_count), min(created_at) FROM documents WHERE ${where}` }),
    engine.sql(docs, {
      sql: `SELECT d.id FROM documents d JOIN documents e ON d.id = e.id WHERE d.${where} AND e.${where} ORDER BY 1`,
    }),
  ]);
  return [
    ...searches.map(({ results, degraded, failed_shards }) => ({ results, degraded, failed_shards })),
    ...sqls.map(({ rows, degraded, failed_shards }) => ({ rows, degraded, failed_shards })),
  ];
}

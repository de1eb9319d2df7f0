import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/base/index.ts";
import { chooseMerge } from "../../src/ingest/index.ts";
import { liveDocuments, type ShardEntry } from "../../src/manifest/index.ts";
import { deletes, ref, shard } from "../manifest/sample.ts";

const limits = { maxDocs: 100_000, maxBytes: 256 * 2 ** 20 };
const shardOf = (id: string, documents: number, status: ShardEntry["status"] = "active", dead = 0): ShardEntry =>
  shard(id, {
    documents,
    vectors: documents,
    status,
    deletes: dead === 0 ? null : deletes(id, 1, dead),
    file: { ...ref(`shards/${id}.db`), sizeBytes: documents * 1000 },
  });

const anyShard = fc.record({
  documents: fc.integer({ min: 1, max: 100_000 }),
  dead: fc.double({ min: 0, max: 1, noNaN: true }),
  sealed: fc.boolean(),
});
const anyShards = fc
  .array(anyShard, { maxLength: 60 })
  .map((all) =>
    all.map(({ documents, dead, sealed }, at) =>
      shardOf(`s${at}`, documents, sealed ? "sealed" : "active", Math.floor(documents * dead)),
    ),
  );

describe("whatever shards there are", () => {
  test("what is merged are shards of the collection, each once, in their order", () => {
    fc.assert(
      fc.property(anyShards, fc.integer({ min: 1, max: 10_000 }), (shards, newDocs) => {
        const chosen = chooseMerge(shards, newDocs, newDocs * 1000, limits);
        expect(chosen).toEqual(shards.filter((one) => chosen.includes(one)));
      }),
    );
  });

  test("a sealed shard is left alone unless most of its rows are dead", () => {
    fc.assert(
      fc.property(anyShards, fc.integer({ min: 1, max: 10_000 }), (shards, newDocs) => {
        for (const one of chooseMerge(shards, newDocs, newDocs * 1000, limits))
          expect(one.status === "active" || liveDocuments(one) < one.documents / 2).toBe(true);
      }),
    );
  });

  test("a merge takes little more than fills a shard", () => {
    fc.assert(
      fc.property(anyShards, fc.integer({ min: 1, max: 10_000 }), (shards, newDocs) => {
        const chosen = chooseMerge(shards, newDocs, newDocs * 1000, limits);
        const live = chosen.filter((one) => liveDocuments(one) >= one.documents / 2).map(liveDocuments);
        const largest = Math.max(0, ...live);
        expect(live.reduce((sum, count) => sum + count, newDocs) - largest).toBeLessThan(limits.maxDocs);
      }),
    );
  });

  test("a shard of mostly dead rows is always written again", () => {
    fc.assert(
      fc.property(anyShards, fc.integer({ min: 1, max: 10_000 }), (shards, newDocs) => {
        const chosen = new Set(chooseMerge(shards, newDocs, newDocs * 1000, limits));
        for (const one of shards) if (liveDocuments(one) < one.documents / 2) expect(chosen.has(one)).toBe(true);
      }),
    );
  });
});

/** Folds batches of the given sizes, as the builder would: what passes the limit is sealed, the rest stays active. */
function foldAll(batches: readonly number[], maxDocs = limits.maxDocs) {
  let shards: readonly ShardEntry[] = [];
  let rewritten = 0;
  let mostActive = 0;
  for (const [at, newDocs] of batches.entries()) {
    const merged = chooseMerge(shards, newDocs, newDocs * 1000, { ...limits, maxDocs });
    const documents = newDocs + merged.reduce((sum, one) => sum + liveDocuments(one), 0);
    rewritten += documents - newDocs;
    const parts: ShardEntry[] = [];
    for (let left = documents, part = 0; left > 0; left -= maxDocs, part++) {
      const size = Math.min(left, maxDocs);
      parts.push(shardOf(`${at}-${part}`, size, size >= maxDocs ? "sealed" : "active"));
    }
    shards = [...shards.filter((one) => !merged.includes(one)), ...parts];
    mostActive = Math.max(mostActive, shards.filter(({ status }) => status === "active").length);
  }
  return { shards, rewritten, mostActive, documents: shards.reduce((sum, one) => sum + one.documents, 0) };
}

describe("over many folds", () => {
  test("the active shards stay few, and a document is rewritten a few times only", () => {
    for (const size of [1, 10, 100, 1000]) {
      const batches = Array.from({ length: 2000 }, () => size);
      const { documents, mostActive, rewritten } = foldAll(batches);
      expect(documents).toBe(2000 * size);
      // 7 a tier, in the tiers below 64, 512, 4096, 32768, and above it up to the limit.
      expect(mostActive).toBeLessThanOrEqual(35);
      // The lowest tier is merged eight at a time until it has 64 documents; each later tier costs one rewrite more.
      const tiers = Math.ceil(Math.log(Math.max(2, documents / 64)) / Math.log(8)) + 1;
      const lowest = Math.ceil(64 / (7 * size)) / 2 + 1;
      expect(rewritten / documents).toBeLessThanOrEqual(tiers + lowest);
    }
  });

  test("of batches of any size no document is lost or invented", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 200 }), (batches) => {
        const { documents, mostActive } = foldAll(batches, 20_000);
        expect(documents).toBe(batches.reduce((sum, size) => sum + size, 0));
        expect(mostActive).toBeLessThanOrEqual(35);
      }),
      { numRuns: 50 },
    );
  });

  test("a steady stream fills and seals shards instead of growing one for ever", () => {
    const next = seededRandom(3);
    const batches = Array.from({ length: 600 }, () => 1 + Math.floor(next() * 200));
    const { shards } = foldAll(batches, 5000);
    expect(shards.filter(({ status }) => status === "sealed").length).toBeGreaterThan(5);
  });
});

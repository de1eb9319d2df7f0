import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scopeOf, seededRandom } from "../../src/base/index.ts";
import type { Distance, Metadata, Mosaic } from "../../src/engine/index.ts";
import { MemoryStore } from "../../src/store/index.ts";
import { differenceFrom, ranking } from "./support/brute-force.ts";
import { TestClock } from "./support/clock.ts";
import { openTestEngine } from "./support/engine.ts";

/**
 * The engine against a plain Map. Two engines share one store, and each command goes to either of them; limits are so
 * small that folds, merges, rotation and dead rows all happen within a run.
 */
const dimensions = 8;
const ids = Array.from({ length: 40 }, (_, at) => `doc ${at}`);

interface ModelDocument {
  readonly text: string;
  readonly metadata: Metadata;
  readonly vector: readonly number[] | undefined;
}

type Command =
  | { readonly kind: "put"; readonly id: string; readonly vector: number | null }
  | { readonly kind: "putMany"; readonly ids: readonly string[]; readonly seed: number }
  | { readonly kind: "patchMetadata"; readonly id: string; readonly key: string; readonly value: number | null }
  | { readonly kind: "patchText"; readonly id: string }
  | { readonly kind: "patchVector"; readonly id: string; readonly vector: number }
  | { readonly kind: "delete"; readonly id: string }
  | { readonly kind: "get"; readonly id: string }
  | { readonly kind: "search"; readonly vector: number; readonly limit: number; readonly offset: number }
  | { readonly kind: "count" }
  | { readonly kind: "fold" }
  | { readonly kind: "reopen" };

type Step = Command & { readonly engine: 0 | 1 };

const id = fc.constantFrom(...ids);
const seed = fc.integer({ min: 1, max: 1_000_000 });
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("put" as const), id, vector: fc.option(seed, { freq: 8 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("putMany" as const),
      ids: fc.array(id, { minLength: 1, maxLength: 25 }),
      seed,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("patchMetadata" as const),
      id,
      key: fc.constantFrom("a", "b", "__proto__"),
      value: fc.option(fc.integer(), { freq: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("patchText" as const), id }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("patchVector" as const), id, vector: seed }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("delete" as const), id }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("get" as const), id }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("search" as const),
      vector: seed,
      limit: fc.constantFrom(1, 3, 10, 50),
      offset: fc.constantFrom(0, 0, 2),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("count" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("fold" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen" as const) }) },
);
const step: fc.Arbitrary<Step> = fc
  .tuple(command, fc.constantFrom(0 as const, 1 as const))
  .map(([one, engine]) => ({ ...one, engine }));

/** Few different directions and whole numbers, so that equal scores are common. */
function vectorOf(of: number): number[] {
  const next = seededRandom(of % 60);
  const vector = Array.from({ length: dimensions }, () => Math.floor(next() * 7) - 3);
  return vector.every((x) => x === 0) ? [1, ...vector.slice(1)] : vector;
}

/** What the runs came across, so that a change of limits can't quietly make them trivial. */
interface Seen {
  readonly shards: Set<string>;
  /** Shards that were merged away, or died. */
  readonly gone: Set<string>;
  mostShards: number;
  deadRows: number;
}

class Run {
  readonly #scope = scopeOf("acme", "docs");
  readonly #store = new MemoryStore();
  readonly #clock = new TestClock();
  readonly #model = new Map<string, ModelDocument>();
  readonly #distance: Distance;
  readonly #engines: Mosaic[] = [];
  #shards: ReadonlySet<string> = new Set();
  #lastVersion: readonly [number, number] = [0, -1];
  readonly #seen: Seen;
  #writes = 0;

  constructor(distance: Distance, seen: Seen) {
    this.#distance = distance;
    this.#seen = seen;
  }

  async begin(): Promise<void> {
    this.#engines.push(await this.#open(), await this.#open());
    await this.#engineOf(0).createCollection(this.#scope, { distance: this.#distance, shard_max_docs: 20 });
  }

  async end(): Promise<void> {
    for (const engine of [0, 1] as const) {
      await this.#checkCount(this.#engineOf(engine));
      await this.#checkSearch(this.#engineOf(engine), { vector: 7, limit: 100, offset: 0 });
      for (const one of ids) await this.#checkGet(this.#engineOf(engine), one);
      const report = await this.#engineOf(engine).verify(this.#scope);
      expect(report.problems).toEqual([]);
      expect(report.documents).toBe(this.#model.size);
    }
    await Promise.all(this.#engines.map((engine) => engine.close()));
  }

  async take(one: Step): Promise<void> {
    const engine = this.#engineOf(one.engine);
    switch (one.kind) {
      case "put":
        return await this.#put(engine, one.id, one.vector === null ? undefined : vectorOf(one.vector));
      case "putMany":
        return await this.#putMany(engine, one.ids, one.seed);
      case "patchMetadata":
        return await this.#patch(engine, one.id, { metadata: JSON.parse(`{"${one.key}":${one.value}}`) as Metadata });
      case "patchText":
        return await this.#patch(engine, one.id, { text: `patched ${++this.#writes}` });
      case "patchVector":
        return await this.#patch(engine, one.id, { vector: vectorOf(one.vector) });
      case "delete":
        return await this.#delete(engine, one.id);
      case "get":
        return await this.#checkGet(engine, one.id);
      case "search":
        return await this.#checkSearch(engine, one);
      case "count":
        return await this.#checkCount(engine);
      case "fold":
        return await engine.fold(this.#scope);
      case "reopen":
        await engine.close();
        this.#engines[one.engine] = await this.#open();
    }
  }

  async #open(): Promise<Mosaic> {
    // Folds begin by themselves at two segments, beside whatever comes next.
    const settings = { foldSegments: 2, foldBytes: 2000, shardMaxDocs: 20 };
    return await openTestEngine({ store: this.#store, clock: this.#clock, settings });
  }

  #engineOf(engine: 0 | 1): Mosaic {
    return this.#engines[engine] as Mosaic;
  }

  async #put(engine: Mosaic, one: string, vector: readonly number[] | undefined): Promise<void> {
    const text = `text ${++this.#writes}`;
    const answer = await engine.put(this.#scope, {
      id: one,
      text,
      ...(vector === undefined ? {} : { embedding: vector }),
    });
    expect(answer.created).toBe(!this.#model.has(one));
    this.#grows(answer.version);
    this.#model.set(one, { text, metadata: {}, vector });
  }

  async #putMany(engine: Mosaic, many: readonly string[], of: number): Promise<void> {
    const documents = many.map((one, at) => ({
      id: one,
      text: `text ${++this.#writes}`,
      metadata: { at },
      embedding: vectorOf(of + at),
    }));
    const answer = await engine.putMany(this.#scope, documents);
    const last = new Map(documents.map((document) => [document.id, document]));
    expect(answer.accepted).toBe(last.size);
    expect(answer.errors.map(({ code }) => code)).toEqual(Array(many.length - last.size).fill("duplicate_id"));
    for (const { id: one, text, metadata, embedding } of last.values())
      this.#model.set(one, { text, metadata, vector: embedding });
  }

  async #patch(
    engine: Mosaic,
    one: string,
    { text, metadata, vector }: { text?: string; metadata?: Metadata; vector?: readonly number[] },
  ): Promise<void> {
    const before = this.#model.get(one);
    const patch = {
      ...(text === undefined ? {} : { text }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(vector === undefined ? {} : { embedding: vector }),
    };
    if (before === undefined) {
      await expect(engine.patch(this.#scope, one, patch)).rejects.toMatchObject({ code: "document_not_found" });
      return;
    }
    this.#grows((await engine.patch(this.#scope, one, patch)).version);
    const merged = new Map(Object.entries(before.metadata));
    for (const [key, value] of Object.entries(metadata ?? {})) {
      if (value === null) merged.delete(key);
      else merged.set(key, value);
    }
    // Without a model a new text drops the vector, because it says nothing of that text.
    const kept = vector ?? (text === undefined ? before.vector : undefined);
    this.#model.set(one, { text: text ?? before.text, metadata: Object.fromEntries(merged), vector: kept });
  }

  async #delete(engine: Mosaic, one: string): Promise<void> {
    const deleting = engine.delete(this.#scope, one);
    if (!this.#model.delete(one)) await expect(deleting).rejects.toMatchObject({ code: "document_not_found" });
    else this.#grows((await deleting).version);
  }

  async #checkGet(engine: Mosaic, one: string): Promise<void> {
    const expected = this.#model.get(one);
    const getting = engine.get(this.#scope, one, { embedding: true });
    if (expected === undefined) {
      await expect(getting).rejects.toMatchObject({ code: "document_not_found" });
      return;
    }
    const { text, metadata, embedding } = await getting;
    expect({ text, metadata, vector: embedding }).toEqual(expected);
  }

  async #checkSearch(
    engine: Mosaic,
    { vector, limit, offset }: { readonly vector: number; readonly limit: number; readonly offset: number },
  ): Promise<void> {
    const query = vectorOf(vector);
    const answer = await engine.search(this.#scope, { vector: query, limit, offset, recall: "exact" });
    expect(answer.failed_shards).toEqual([]);
    const vectors = [...this.#model].map(([one, document]) => [one, document.vector] as const);
    const expected = ranking(this.#distance, query, vectors);
    expect(differenceFrom(expected, answer.results, { limit, offset })).toBeUndefined();
    for (const hit of answer.results) expect(hit.text).toBe(this.#model.get(hit.id)?.text);
  }

  async #checkCount(engine: Mosaic): Promise<void> {
    const { documents, shards } = await engine.stats(this.#scope);
    expect(documents).toBe(this.#model.size);
    const live = new Set(shards.map(({ id: shard }) => shard));
    for (const shard of this.#shards) if (!live.has(shard)) this.#seen.gone.add(shard);
    this.#shards = live;
    for (const shard of live) this.#seen.shards.add(shard);
    this.#seen.mostShards = Math.max(this.#seen.mostShards, live.size);
    this.#seen.deadRows += shards.reduce((sum, { deleted }) => sum + deleted, 0);
    expect((await engine.collection(this.#scope)).documents).toBe(this.#model.size);
  }

  #grows(version: string): void {
    const [sequence = 0, index = 0] = version.split(".").map(Number);
    const [lastSequence, lastIndex] = this.#lastVersion;
    expect(sequence > lastSequence || (sequence === lastSequence && index > lastIndex)).toBe(true);
    this.#lastVersion = [sequence, index];
  }
}

describe("two engines on one store behave like one Map", () => {
  test.each(["cosine", "l2", "dot"] as const)("distance %s", { timeout: 60_000 }, async (distance) => {
    const seen: Seen = { shards: new Set(), gone: new Set(), mostShards: 0, deadRows: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 60, size: "max" }), async (steps) => {
        const run = new Run(distance, seen);
        await run.begin();
        for (const one of steps) await run.take(one);
        await run.end();
      }),
      { numRuns: 5, endOnFailure: true },
    );
    expect(seen.mostShards).toBeGreaterThan(2);
    expect(seen.deadRows).toBeGreaterThan(0);
    expect(seen.gone.size).toBeGreaterThan(0);
  });
});

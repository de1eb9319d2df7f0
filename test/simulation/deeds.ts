import { collectionName, isMosaicError, scopeOf } from "../../src/base/index.ts";
import type { Mosaic } from "../../src/engine/index.ts";
import { isFrozen, liveKeys, needsRestoreCode } from "../../src/manifest/index.ts";
import type { Bucket } from "./bucket.ts";
import { answerOf, type Moment } from "./moments.ts";
import type { Deed } from "./temper.ts";
import type { Truth } from "./truth.ts";
import { Violation } from "./violation.ts";
import type { SimProcess, World } from "./world.ts";

export interface Surroundings {
  readonly world: World;
  readonly bucket: Bucket;
  readonly truthOf: (prefix: string) => Truth;
  readonly guarded: (task: () => void) => void;
  /** What gc deletes by its age alone, if such a bug is planted. */
  readonly deletedByAge: RegExp | undefined;
}

/** One client of one process. */
export interface Client {
  readonly process: SimProcess;
  readonly engine: Mosaic;
  /** The latest moment that it has read: later reads are no older. */
  seenStep: number;
}

export const docs = scopeOf("acme", "docs");
const ids = Array.from({ length: 8 }, (_, at) => `id${at}`);
const classes = ["STANDARD_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"] as const;
/** Documents are up to so old when they are brought in. */
const oldestMs = 3 * 3_600_000;
const mostBranches = 3;

/** What clients do; each says what must have been true. */
export class Deeds {
  readonly #with: Surroundings;
  #texts = 0;
  #runs = 0;
  #branches = 0;
  readonly branches = new Set<string>();

  constructor(surroundings: Surroundings) {
    this.#with = surroundings;
  }

  async do(deed: Deed, client: Client): Promise<void> {
    const { engine } = client;
    switch (deed) {
      case "put":
        return await this.#put(engine);
      case "putMany":
        return await this.#putMany(engine);
      case "patch":
        return await this.#patch(engine);
      case "delete":
        return await this.#delete(engine);
      case "read":
        return await this.#read(client);
      case "get":
        return await this.#get(engine);
      case "past":
        return await this.#readPast(engine);
      case "fold":
        return await engine.fold(docs);
      case "compact":
        return void (await engine.compact(docs));
      case "gc":
        if (this.#with.deletedByAge !== undefined) this.#deleteByAge(this.#with.deletedByAge);
        else await engine.gc(docs, true);
        return;
      case "branch":
        return await this.#branch(engine);
      case "readBranch":
        return await this.#readBranch(engine);
      case "archive":
        return await this.#archive(engine);
      case "archiveOld": {
        const [age, storageClass] = [this.#with.world.pick(["0h", "1h", "2h"]), this.#with.world.pick(classes)];
        return void (await engine.archive(docs, { older_than: age, storage_class: storageClass }));
      }
      case "restore":
        return await this.#restore(engine);
      case "rank":
        return await this.#rank(engine);
      case "rollback":
        return await this.#rollBack(client);
      case "drop":
        return await engine.deleteCollection(docs);
    }
  }

  /** What a search for everything answers. Throws `degraded` where shards are missing for other reasons than that they are archived. */
  async scan(engine: Mosaic, scope: typeof docs, asOf?: number): Promise<string> {
    const past = asOf === undefined ? {} : { as_of: asOf };
    const answer = await engine.search(scope, { vector: [1, 1], limit: 1000, recall: "exact", ...past });
    if (answer.failed_shards.some(({ code }) => code !== needsRestoreCode)) throw new Error("degraded");
    const contents = new Map<string, string>();
    for (const { id, text } of answer.results) {
      this.#expect(!contents.has(id), `${id} was found twice`);
      contents.set(id, text ?? "");
    }
    if (answer.degraded) this.#with.world.count("read without archived shards");
    return answerOf(
      contents,
      answer.failed_shards.map(({ shard }) => shard),
    );
  }

  get #truth(): Truth {
    return this.#with.truthOf("tenants/acme/docs/");
  }

  #expect(holds: boolean, otherwise: string): void {
    this.#with.guarded(() => {
      if (!holds) throw new Violation(otherwise);
    });
  }

  /** That this was so at some moment of a call which began at a step. */
  #wasSo(from: number, holds: (moment: Moment) => boolean, otherwise: string): void {
    this.#expect(this.#truth.moments.last(from, holds) !== undefined, `from step ${from} on ${otherwise}`);
  }

  async #put(engine: Mosaic): Promise<void> {
    const { world, guarded } = this.#with;
    const [from, id, text] = [world.step, world.pick(ids), this.#text()];
    world.note(`put ${id} ${text}`);
    const created_at = new Date(world.nowMs - world.below(oldestMs)).toISOString();
    const { version } = await engine.put(docs, { id, text, embedding: [1, 2], created_at });
    guarded(() => this.#truth.acknowledged(version, { id, kind: "upsert", from, text }));
  }

  async #putMany(engine: Mosaic): Promise<void> {
    const { world } = this.#with;
    const many = ids.filter(() => world.chance(0.4)).map((id) => ({ id, text: this.#text(), embedding: [2, 1] }));
    if (many.length > 0) await engine.putMany(docs, many);
  }

  async #patch(engine: Mosaic): Promise<void> {
    const { world, guarded } = this.#with;
    const [from, id, mark] = [world.step, world.pick(ids), this.#text()];
    const acknowledged = this.#truth.changes.patching(mark);
    const { version } = await this.#onExisting(id, from, () => engine.patch(docs, id, { metadata: { patched: mark } }));
    acknowledged();
    guarded(() => this.#truth.acknowledged(version, { id, kind: "upsert", from }));
  }

  async #delete(engine: Mosaic): Promise<void> {
    const { world, guarded } = this.#with;
    const [from, id] = [world.step, world.pick(ids)];
    const acknowledged = this.#truth.changes.deleting(id);
    const { version } = await this.#onExisting(id, from, () => engine.delete(docs, id));
    acknowledged();
    guarded(() => this.#truth.acknowledged(version, { id, kind: "delete", from }));
  }

  async #get(engine: Mosaic): Promise<void> {
    const { world } = this.#with;
    const [from, id] = [world.step, world.pick(ids)];
    const { text } = await this.#onExisting(id, from, () => engine.get(docs, id));
    const had = ({ contents, held }: Moment): boolean => contents?.get(id) === text && !held.has(id);
    this.#wasSo(from, had, `${id} was read as ${text}, which it was never since`);
  }

  /** A document is refused as missing, or as archived, only while it is. */
  async #onExisting<T>(id: string, from: number, task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      const code = isMosaicError(error) ? error.code : "";
      if (code === "document_not_found")
        this.#wasSo(from, ({ contents }) => contents?.has(id) === false, `${id} was not found, and was always there`);
      if (code === needsRestoreCode)
        this.#wasSo(from, ({ held }) => held.has(id), `${id} was said to be archived, and was not`);
      throw error;
    }
  }

  async #read(client: Client): Promise<void> {
    const { world } = this.#with;
    const from = Math.max(world.step, client.seenStep);
    const answer = await this.scan(client.engine, docs);
    const moment = this.#truth.moments.last(from, (one) => one.answer === answer);
    this.#expect(moment !== undefined, `a read from step ${from} on found ${answer}, which was never so since`);
    client.seenStep = moment ?? client.seenStep;
  }

  async #readPast(engine: Mosaic): Promise<void> {
    const generation = this.#recent();
    const expected = this.#truth.generation(generation);
    if (expected === undefined) return;
    const found = await this.scan(engine, docs, generation);
    this.#expect(found === expected, `generation ${generation} was read as ${found}, not ${expected}`);
  }

  async #branch(engine: Mosaic): Promise<void> {
    if (this.#branches >= mostBranches) return;
    const name = `branch${++this.#branches}`;
    await engine.branch(docs, collectionName(name));
    this.branches.add(name);
  }

  async #readBranch(engine: Mosaic): Promise<void> {
    const { world, truthOf } = this.#with;
    if (this.branches.size === 0) return;
    const name = world.pick([...this.branches]);
    const found = await this.scan(engine, scopeOf("acme", name));
    const { moments } = truthOf(`tenants/acme/${name}/`);
    // Nobody writes to it.
    const was = moments.last(0, ({ answer }) => answer === found);
    this.#expect(was !== undefined, `the branch ${name} was read as ${found}`);
  }

  async #archive(engine: Mosaic): Promise<void> {
    const { world } = this.#with;
    const shards = (this.#truth.manifest?.shards ?? []).filter((entry) => !isFrozen(entry)).map(({ id }) => id);
    const some = shards.filter(() => world.chance(0.5));
    if (some.length > 0) await engine.archive(docs, { shards: some, storage_class: world.pick(classes) });
  }

  async #restore(engine: Mosaic): Promise<void> {
    const { world } = this.#with;
    const archived = (this.#truth.manifest?.shards ?? []).filter((one) => one.archived !== undefined);
    if (archived.length === 0) return;
    const named = world.chance(0.5) ? { shards: [world.pick(archived).id] } : {};
    await engine.restore(docs, named);
  }

  /** Each run gives another rank: see SimRanker. */
  async #rank(engine: Mosaic): Promise<void> {
    const damping = ++this.#runs / 1_000_000;
    this.#truth.carried.asked(damping, this.#with.world.step);
    await engine.computePageRank(docs, { damping });
  }

  async #rollBack({ engine, process }: Client): Promise<void> {
    const generation = this.#recent();
    if (this.#truth.generation(generation) === undefined) return;
    this.#with.world.note(`roll back to ${generation}`);
    this.#truth.willRollBack(generation);
    process.rollingBack++;
    try {
      await engine.rollback(docs, generation);
    } finally {
      process.rollingBack--;
    }
  }

  /** One of the newest generations. */
  #recent(): number {
    const newest = this.#truth.manifest?.generation ?? 0;
    return Math.max(1, newest - this.#with.world.below(4));
  }

  /** The planted gc: such objects go at once when they are older than a few seconds and nothing else names them. */
  #deleteByAge(pattern: RegExp): void {
    const { bucket, world } = this.#with;
    const { manifest } = this.#truth;
    if (manifest === undefined) return;
    const named = new Set(pattern.test("/archive/") ? [] : liveKeys(manifest));
    for (const key of bucket.keys("tenants/acme/docs/")) {
      const old = (bucket.objects.get(key)?.info.modifiedMs ?? 0) + 5 < world.nowMs;
      if (pattern.test(key) && !named.has(key) && old) bucket.delete(key);
    }
  }

  #text(): string {
    return `t${++this.#texts}`;
  }
}

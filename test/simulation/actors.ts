import { collectionName, isMosaicError, type MosaicError, scopeOf } from "../../src/base/index.ts";
import type { Mosaic } from "../../src/engine/index.ts";
import { liveKeys } from "../../src/manifest/index.ts";
import type { Bucket } from "./sim-store.ts";
import { type Truth, textOf, Violation } from "./truth.ts";
import type { SimProcess, World } from "./world.ts";

interface Surroundings {
  readonly world: World;
  readonly bucket: Bucket;
  readonly truthOf: (prefix: string) => Truth;
  readonly guarded: (task: () => void) => void;
  readonly deleteByAge: boolean;
}

const docs = scopeOf("acme", "docs");
const ids = Array.from({ length: 8 }, (_, at) => `id${at}`);
/** What clients do, and how often. */
const work = [
  "put",
  "put",
  "put",
  "putMany",
  "patch",
  "patch",
  "delete",
  "read",
  "read",
  "get",
  "past",
  "fold",
  "compact",
  "gc",
  "branch",
  "readBranch",
] as const;
type Deed = (typeof work)[number];

/** Refusals that a client may meet while storage misbehaves; it doesn't know then whether its write happened. */
const tolerable = new Set(["unavailable", "conflict", "timeout", "data", "not_found"]);

/** Clients of every living process, two each: each does one thing after the other, and says what must have been true. */
export class Actors {
  readonly #with: Surroundings;
  #processes: SimProcess[] = [];
  #stopped = false;
  #texts = 0;
  #branches = 0;
  /** Contents that each branch must keep. */
  readonly #expected = new Map<string, string>();

  constructor(surroundings: Surroundings) {
    this.#with = surroundings;
  }

  get processes(): readonly SimProcess[] {
    this.#processes = this.#processes.filter(({ crashed }) => !crashed);
    return this.#processes;
  }

  stop(): void {
    this.#stopped = true;
  }

  employ(process: SimProcess, engine: Mosaic): void {
    if (this.#stopped) return;
    this.#processes.push(process);
    void engine.workInBackground().catch((error: unknown) => this.#tolerate("resume", error));
    for (let client = 0; client < 2; client++) void this.#client(process, engine);
  }

  /** Reads everything once storage behaves: the model, every branch, and what `verify` would. */
  async finalRead(engine: Mosaic): Promise<string | undefined> {
    await engine.fold(docs);
    const truth = this.#with.truthOf("tenants/acme/docs/");
    // Some are still at it: what they were doing when all was told to stop.
    const from = this.#with.world.step;
    const found = textOf(await this.#scan(engine, docs));
    if (truth.lastMoment(found, from) === undefined) return `at the end ${found} is read, not ${textOf(truth.model)}`;
    for (const [name, expected] of this.#expected) {
      const branch = textOf(await this.#scan(engine, scopeOf("acme", name)));
      if (branch !== expected) return `the branch ${name} holds ${branch}, not ${expected}`;
    }
    return undefined;
  }

  async #client(process: SimProcess, engine: Mosaic): Promise<void> {
    const { world } = this.#with;
    /** The latest moment that this client has read: later reads are no older. */
    const seen = { step: 0 };
    while (!this.#stopped && !process.crashed) {
      await process.clock.sleep(world.below(3000));
      const deed = world.pick(work);
      try {
        await this.#do(deed, engine, seen);
        this.#count(`${deed} done`);
      } catch (error) {
        this.#tolerate(deed, error);
      }
    }
  }

  async #do(deed: Deed, engine: Mosaic, seen: { step: number }): Promise<void> {
    const { world, guarded, truthOf } = this.#with;
    const truth = truthOf("tenants/acme/docs/");
    const id = world.pick(ids);
    switch (deed) {
      case "put": {
        const text = this.#text();
        world.note(`put ${id} ${text}`);
        const { version } = await engine.put(docs, { id, text, embedding: [1, 2] });
        guarded(() => truth.acknowledged(version, id, "upsert", text));
        return;
      }
      case "putMany": {
        const many = ids
          .filter(() => world.chance(0.4))
          .map((one) => ({ id: one, text: this.#text(), embedding: [2, 1] }));
        if (many.length > 0) await engine.putMany(docs, many);
        return;
      }
      case "patch": {
        const { version } = await engine.patch(docs, id, { metadata: { patched: this.#text() } });
        guarded(() => truth.acknowledged(version, id, "upsert"));
        return;
      }
      case "delete": {
        const { version } = await engine.delete(docs, id);
        guarded(() => truth.acknowledged(version, id, "delete"));
        return;
      }
      case "read": {
        const from = Math.max(world.step, seen.step);
        const text = textOf(await this.#scan(engine, docs));
        guarded(() => {
          const moment = truth.lastMoment(text, from);
          if (moment === undefined)
            throw new Violation(`a read from step ${from} on found ${text}, which was never so since`);
          seen.step = moment;
        });
        return;
      }
      case "get":
        await engine.get(docs, id);
        return;
      case "past":
        return await this.#readPast(engine, truth);
      case "fold":
        return await engine.fold(docs);
      case "compact":
        await engine.compact(docs);
        return;
      case "gc":
        if (this.#with.deleteByAge) return this.#deleteByAge();
        await engine.gc(docs, true);
        return;
      case "branch":
        return await this.#branch(engine);
      case "readBranch":
        return await this.#readBranch(engine);
    }
  }

  async #scan(engine: Mosaic, scope: typeof docs, asOf?: number): Promise<ReadonlyMap<string, string>> {
    const past = asOf === undefined ? {} : { as_of: asOf };
    const answer = await engine.search(scope, { vector: [1, 1], limit: 1000, recall: "exact", ...past });
    if (answer.degraded) throw new Error("degraded");
    const contents = new Map<string, string>();
    for (const { id, text } of answer.results) {
      if (contents.has(id))
        this.#with.guarded(() => {
          throw new Violation(`${id} was found twice`);
        });
      contents.set(id, text ?? "");
    }
    return contents;
  }

  async #readPast(engine: Mosaic, truth: Truth): Promise<void> {
    const { world, guarded } = this.#with;
    const newest = truth.manifest?.generation ?? 0;
    const generation = Math.max(1, newest - world.below(4));
    const expected = truth.generation(generation);
    if (expected === undefined) return;
    const found = textOf(await this.#scan(engine, docs, generation));
    if (found !== expected)
      guarded(() => {
        throw new Violation(`generation ${generation} was read as ${found}, not ${expected}`);
      });
  }

  async #branch(engine: Mosaic): Promise<void> {
    const { truthOf } = this.#with;
    if (this.#branches >= 3) return;
    const name = `branch${++this.#branches}`;
    await engine.branch(docs, collectionName(name));
    this.#expected.set(name, textOf(truthOf(`tenants/acme/${name}/`).model));
  }

  async #readBranch(engine: Mosaic): Promise<void> {
    const { world, guarded } = this.#with;
    if (this.#expected.size === 0) return;
    const [name, expected] = world.pick([...this.#expected]);
    const found = textOf(await this.#scan(engine, scopeOf("acme", name)));
    if (found !== expected)
      guarded(() => {
        throw new Violation(`the branch ${name} was read as ${found}, not ${expected}`);
      });
  }

  /** The planted gc: what nothing names and is older than a few seconds goes at once. */
  #deleteByAge(): void {
    const { bucket, world, truthOf } = this.#with;
    const { manifest } = truthOf("tenants/acme/docs/");
    if (manifest === undefined) return;
    const named = new Set(liveKeys(manifest));
    for (const key of bucket.keys("tenants/acme/docs/")) {
      const old = (bucket.objects.get(key)?.info.modifiedMs ?? 0) + 5 < world.nowMs;
      if (/\/(shards|summaries|deletes)\//.test(key) && !named.has(key) && old) bucket.delete(key);
    }
  }

  #text(): string {
    return `t${++this.#texts}`;
  }

  #count(what: string): void {
    this.#with.world.count(what);
  }

  /** What the contract allows to fail; anything else is a bug. */
  #tolerate(deed: string, error: unknown): void {
    const { world, guarded } = this.#with;
    const known = isMosaicError(error) ? (error as MosaicError) : undefined;
    world.note(`${deed} failed: ${known?.code ?? String(error)}`);
    if (known !== undefined && tolerable.has(known.kind)) this.#count(`${deed} ${known.code}`);
    else if (error instanceof Error && error.message === "degraded") this.#count(`${deed} degraded`);
    else
      guarded(() => {
        throw new Violation(
          `${deed} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}${known === undefined ? "" : ` ${known.hint ?? ""}`}`,
        );
      });
  }
}

import { isMosaicError, type MosaicError, scopeOf } from "../../src/base/index.ts";
import type { Mosaic } from "../../src/engine/index.ts";
import { isFrozen, needsRestoreCode } from "../../src/manifest/index.ts";
import { type Client, Deeds, docs, type Surroundings } from "./deeds.ts";
import { textOf } from "./moments.ts";
import { type Deed, deedsOf } from "./temper.ts";
import { Violation } from "./violation.ts";
import type { SimProcess } from "./world.ts";

/** Refusals that a client may meet while storage misbehaves; it doesn't know then whether its write happened. */
const tolerable = new Set(["unavailable", "conflict", "timeout", "data", "not_found"]);

/** Clients of every living process, two each: each does one thing after the other, and says what must have been true. */
export class Actors {
  readonly #with: Surroundings;
  readonly #deeds: Deeds;
  readonly #work: readonly Deed[];
  #processes: SimProcess[] = [];
  #stopped = false;

  constructor(surroundings: Surroundings) {
    this.#with = surroundings;
    this.#deeds = new Deeds(surroundings);
    this.#work = deedsOf(surroundings.world);
  }

  get processes(): readonly SimProcess[] {
    this.#processes = this.#processes.filter(({ crashed }) => !crashed);
    return this.#processes;
  }

  stop(): void {
    this.#stopped = true;
  }

  employ(process: SimProcess, engine: Mosaic): void {
    this.#processes.push(process);
    void engine.workInBackground().catch((error: unknown) => this.#tolerate("resume", error));
    if (this.#stopped) return;
    for (let client = 0; client < 2; client++) void this.#client({ process, engine, seenStep: 0 });
  }

  /** Reads everything once storage behaves and every archived shard is back: the model, and every branch. */
  async finalRead(engine: Mosaic, { clock }: SimProcess): Promise<string | undefined> {
    const truth = this.#with.truthOf("tenants/acme/docs/");
    const scopes = [...(truth.manifest === undefined ? [] : [docs]), ...this.#branches()];
    for (const scope of scopes) {
      const { id } = await engine.restore(scope);
      for (;;) {
        const { status, error } = await engine.job(scope.tenant, id);
        if (status === "done") break;
        if (status !== "running") return `the last restore ended: ${status} ${error?.detail}`;
        await clock.sleep(1000);
      }
    }
    if (truth.manifest === undefined) return await this.#absent(engine);
    await engine.fold(docs);
    // Some are still at it: what they were doing when all was told to stop.
    const from = this.#with.world.step;
    const found = await this.#deeds.scan(engine, docs);
    if (truth.moments.last(from, ({ answer }) => answer === found) === undefined)
      return `at the end ${found} is read, not ${textOf(truth.model)}`;
    if (truth.manifest?.shards.some(isFrozen)) return "a shard is archived still";
    for (const scope of this.#branches()) {
      const [branch, { model }] = [await this.#deeds.scan(engine, scope), this.#truthOf(scope.collection)];
      if (branch !== textOf(model)) return `the branch ${scope.collection} holds ${branch}, not ${textOf(model)}`;
    }
    return undefined;
  }

  #truthOf(collection: string): ReturnType<Surroundings["truthOf"]> {
    return this.#with.truthOf(`tenants/acme/${collection}/`);
  }

  #branches(): (typeof docs)[] {
    return [...this.#deeds.branches].map((name) => scopeOf("acme", name));
  }

  async #absent(engine: Mosaic): Promise<string | undefined> {
    return await engine.collection(docs).then(
      () => "the deleted collection is found",
      (error: unknown) => (isMosaicError(error, "not_found") ? undefined : String(error)),
    );
  }

  async #client(client: Client): Promise<void> {
    const { world } = this.#with;
    const { process } = client;
    while (!this.#stopped && !process.crashed) {
      await process.clock.sleep(world.below(3000));
      const deed = world.pick(this.#work);
      try {
        await this.#deeds.do(deed, client);
        world.count(`${deed} done`);
      } catch (error) {
        this.#tolerate(deed, error);
      }
    }
  }

  /** What the contract allows to fail; anything else is a bug. */
  #tolerate(deed: string, error: unknown): void {
    const { world, guarded } = this.#with;
    const known = isMosaicError(error) ? (error as MosaicError) : undefined;
    world.note(`${deed} failed: ${known?.code ?? String(error)}`);
    const held = known?.code === needsRestoreCode;
    if (known !== undefined && tolerable.has(known.kind) && (!held || mayBeHeld.has(deed)))
      world.count(`${deed} ${known.code}`);
    else if (error instanceof Error && error.message === "degraded") world.count(`${deed} degraded`);
    else
      guarded(() => {
        throw new Violation(
          `${deed} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}${known === undefined ? "" : ` ${known.hint ?? ""}`}`,
        );
      });
  }
}

/** Only who wants a document itself may be told that it is archived, and who would move its shard to yet another class. */
const mayBeHeld: ReadonlySet<string> = new Set(["get", "patch", "archive"]);

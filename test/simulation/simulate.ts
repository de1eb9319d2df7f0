import { createHash } from "node:crypto";
import { isMosaicError, type Logger, settingsFrom, silentLogger } from "../../src/base/index.ts";
import { Mosaic } from "../../src/engine/index.ts";
import type { Job } from "../../src/lifecycle/index.ts";
import { Retrying } from "../../src/store/index.ts";
import { Actors } from "./actors.ts";
import { Bucket, type Kept } from "./bucket.ts";
import { fakeEmbedder } from "./no-embedder.ts";
import { type PlantedBugs, withPlanted } from "./planted.ts";
import { type MachineryBugs, simMachinery } from "./sim-machinery.ts";
import { type Faults, noFaults, SimStore, type StoreBugs, someFaults } from "./sim-store.ts";
import { Truth } from "./truth.ts";
import { Violation, violated } from "./violation.ts";
import { SimProcess, World } from "./world.ts";

export interface Bugs extends StoreBugs, MachineryBugs, PlantedBugs {
  /** gc deletes what nothing names once it is a few seconds old, without condemning it. */
  readonly deleteByAge?: boolean;
  /** gc takes for litter what lies where archived shards do. */
  readonly forgetArchiveInGc?: boolean;
}

export interface Outcome {
  readonly seed: number;
  readonly steps: number;
  /** What was violated, or undefined. */
  readonly failure: string | undefined;
  /** Of the whole history: equal seeds give equal ones. */
  readonly fingerprint: string;
  readonly history: readonly string[];
  /** How often each thing was done and answered. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface SimulateOptions {
  readonly steps?: number;
  readonly bugs?: Bugs;
}

const keepMs = 2 * 60_000;
const graceMs = 60_000;
const processes = 3;
/** The most that is done once all goes well. */
const lastSteps = 20_000;
/** A job of a process that crashed may be taken over after a minute. */
const abandonedMs = 61_000;

const settings = settingsFrom(
  {
    storagePath: "s3://simulated",
    embeddingModel: "none",
    searchThreads: 0,
    shardMaxDocs: 4,
    foldSegments: 3,
    foldIdleMs: 2000,
    gcGraceMs: graceMs,
    snapshotKeepMs: keepMs,
    compactStepBytes: 3000,
    restorePollMs: 2000,
    shardTimeoutMs: 1e9,
  },
  {},
);

/** One history of several processes over one bucket; every call to storage may go wrong until the last part. */
export async function simulate(seed: number, { steps = 1200, bugs = {} }: SimulateOptions = {}): Promise<Outcome> {
  return await withPlanted(bugs, async () => await new History(seed, bugs).run(steps));
}

interface Started {
  readonly process: SimProcess;
  readonly engine: Mosaic;
}

class History {
  readonly #seed: number;
  readonly #bugs: Bugs;
  readonly #world: World;
  readonly #bucket: Bucket;
  readonly #actors: Actors;
  readonly #truths = new Map<string, Truth>();
  #faults: Faults = someFaults;
  #started = 0;
  #failure: string | undefined;

  constructor(seed: number, bugs: Bugs) {
    this.#seed = seed;
    this.#bugs = bugs;
    this.#world = new World(seed);
    this.#bucket = new Bucket(this.#world, this.#world.chance(0.2));
    this.#bucket.onChange = (key, kept) => this.#changed(key, kept);
    this.#actors = new Actors({
      world: this.#world,
      bucket: this.#bucket,
      truthOf: (prefix) => this.#truthOf(prefix),
      guarded: (task) => this.#guarded(task),
      deletedByAge: bugs.deleteByAge
        ? /\/(shards|summaries|deletes)\//
        : bugs.forgetArchiveInGc
          ? /\/(archive|stubs)\//
          : undefined,
    });
  }

  async run(steps: number): Promise<Outcome> {
    const world = this.#world;
    for (let count = 0; count < processes; count++) await this.#start();
    while (world.step < steps && this.#failure === undefined) {
      if (!(await world.advance())) break;
      if (this.#actors.processes.length < processes) await this.#start();
    }
    if (this.#failure === undefined) this.#failure = await this.#end();
    const fingerprint = createHash("sha256").update(world.history.join("\n")).digest("hex");
    const { step, history, counts } = world;
    return { seed: this.#seed, steps: step, failure: this.#failure, fingerprint, history, counts };
  }

  async #start(): Promise<Started> {
    const process = new SimProcess(this.#world, `p${++this.#started}`);
    const files = new Map<string, Uint8Array>();
    const { clock, random } = process;
    const raw = new SimStore(this.#bucket, process, { faults: () => this.#faults, files, bugs: this.#bugs });
    const store = new Retrying(raw, clock, random, { attempts: 3, firstDelayMs: 20, maxDelayMs: 200 });
    const machinery = simMachinery(store, files, this.#bugs);
    const logger = this.#logger();
    const engine = await Mosaic.open(settings, { store, clock, random, logger, embedder: fakeEmbedder, machinery });
    this.#actors.employ(process, engine);
    return { process, engine };
  }

  /** Then all goes well, and what is left is what must be there. */
  async #end(): Promise<string | undefined> {
    const world = this.#world;
    this.#faults = noFaults;
    this.#actors.stop();
    for (const process of this.#actors.processes) process.wake();
    if (this.#truthOf("tenants/acme/docs/").manifest === undefined && !this.#bucket.objects.has(manifestOfDocs))
      return undefined;
    const atMs = world.nowMs + abandonedMs;
    const { process, engine } = await this.#whenAbandoned(atMs);
    let result: string | undefined | "running" = "running";
    this.#whenJobsAreOver(process)
      .then(() => this.#actors.finalRead(engine, process))
      .then((found) => {
        result = found;
      })
      .catch((error: unknown) => {
        result = isMosaicError(error) ? `at the end: ${error.message} ${error.hint}` : String(error);
      });
    const until = world.step + lastSteps;
    while (result === "running" && this.#failure === undefined && world.step < until)
      if (!(await world.advance())) break;
    return this.#failure ?? (result === "running" ? "the end was not reached" : result);
  }

  /** A new process, once nobody is taken to be at the jobs of those that crashed: it goes on with them. */
  async #whenAbandoned(atMs: number): Promise<Started> {
    let isTime = false;
    this.#world.at(undefined, atMs - this.#world.nowMs, () => {
      isTime = true;
    });
    while (!isTime && (await this.#world.advance()));
    return await this.#start();
  }

  async #whenJobsAreOver({ clock }: SimProcess): Promise<void> {
    const isRunning = (key: string): boolean => jobIn(this.#bucket.objects.get(key))?.status === "running";
    while (this.#bucket.keys("jobs/").some(isRunning)) await clock.sleep(1000);
  }

  #truthOf(prefix: string): Truth {
    const known = this.#truths.get(prefix) ?? new Truth(this.#bucket, prefix);
    this.#truths.set(prefix, known);
    return known;
  }

  #guarded(task: () => void): void {
    try {
      task();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.#failure ??= error.message;
    }
  }

  #changed(key: string, kept: Kept | undefined): void {
    if (key.startsWith("jobs/")) this.#guarded(() => checkJob(jobIn(kept)));
    const prefix = /^tenants\/[^/]+\/[^/]+\//.exec(key)?.[0];
    if (prefix === undefined) return;
    const truth = this.#truthOf(prefix);
    const before = truth.manifest;
    this.#guarded(() => truth.changed(key, kept));
    const { manifest: after } = truth;
    if (before !== after) this.#count(before, after);
    if (kept !== undefined) return;
    for (const one of this.#truths.values()) this.#guarded(() => one.deleted(key));
    for (const folder of ["shards", "archive"]) if (key.includes(`/${folder}/`)) this.#world.count(`${folder} deleted`);
  }

  #count(before: Truth["manifest"], after: Truth["manifest"]): void {
    const world = this.#world;
    if (before === undefined) world.count("collection made");
    else if (after === undefined) world.count("collection deleted");
    else {
      if (before.foldedAt !== after.foldedAt) world.count("swap of a fold");
      if (before.compactedAt !== after.compactedAt) world.count("swap of a compaction");
      if (before.rankedAt !== after.rankedAt) world.count("swap of ranks");
      const archived = new Map(before.shards.map((one) => [one.id, one.archived !== undefined]));
      for (const { id, archived: now } of after.shards)
        if (archived.has(id) && archived.get(id) !== (now !== undefined))
          world.count(now === undefined ? "shard restored" : "shard archived");
    }
  }

  /** What fails behind an answer is no violation, unless a check of the product's own says that it is. */
  #logger(): Logger {
    const watch = (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      this.#guarded(() => {
        if (fields["kind"] === "internal")
          violated(`${message}: ${fields["code"]} ${fields["hint"] ?? fields["message"]}`);
      });
    return { ...silentLogger, warn: watch, error: watch };
  }
}

const manifestOfDocs = "tenants/acme/docs/manifest.json";

const jobIn = (kept: Kept | undefined): Job | undefined =>
  kept === undefined ? undefined : (JSON.parse(Buffer.from(kept.bytes).toString("utf8")) as Job);

/** Jobs end by what storage did, or by what others did to their collection; and never in what must be restored first. */
function checkJob(job: Job | undefined): void {
  const code = job?.error?.code;
  if (code !== undefined && wrongEnds.has(code)) violated(`a job ended: ${job?.kind} ${code} ${job?.error?.detail}`);
}

const wrongEnds: ReadonlySet<string> = new Set([
  "internal",
  "invariant_broken",
  "restore_required",
  "storage_unsupported",
]);

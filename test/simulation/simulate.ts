import { createHash } from "node:crypto";
import { isMosaicError, scopeOf, settingsFrom, silentLogger } from "../../src/base/index.ts";
import { Mosaic } from "../../src/engine/index.ts";
import { CollectionLog } from "../../src/ingest/index.ts";
import { Retrying } from "../../src/store/index.ts";
import { Actors } from "./actors.ts";
import { fakeEmbedder } from "./no-embedder.ts";
import { type MachineryBugs, simMachinery } from "./sim-machinery.ts";
import { Bucket, type Faults, noFaults, SimStore, type StoreBugs, someFaults } from "./sim-store.ts";
import { Truth, Violation } from "./truth.ts";
import { SimProcess, World } from "./world.ts";

export interface Bugs extends StoreBugs, MachineryBugs {
  /** gc deletes what nothing names once it is a minute old, without condemning it. */
  readonly deleteByAge?: boolean;
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

export const origin = scopeOf("acme", "docs");
const keepMs = 2 * 60_000;
const graceMs = 60_000;

/** One history, with a bug planted where the product has its check. */
export async function simulate(
  seed: number,
  options: { readonly steps?: number; readonly bugs?: Bugs } = {},
): Promise<Outcome> {
  if (options.bugs?.trustOldManifests !== true) return await history(seed, options);
  const asked = CollectionLog.prototype.validatedAgoMs;
  CollectionLog.prototype.validatedAgoMs = () => 0;
  try {
    return await history(seed, options);
  } finally {
    CollectionLog.prototype.validatedAgoMs = asked;
  }
}

/** One history of several processes over one bucket; every call to storage may go wrong until the last part. */
async function history(seed: number, { steps = 1200, bugs = {} as Bugs } = {}): Promise<Outcome> {
  const world = new World(seed);
  const bucket = new Bucket(world);
  const truths = new Map<string, Truth>();
  const truthOf = (prefix: string): Truth => {
    const known = truths.get(prefix) ?? new Truth(bucket, prefix);
    truths.set(prefix, known);
    return known;
  };
  let failure: string | undefined;
  const guarded = (task: () => void): void => {
    try {
      task();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      failure ??= error.message;
    }
  };
  let faults: Faults = someFaults;
  let started = 0;
  const actors = new Actors({ world, truthOf, guarded, bucket, deleteByAge: bugs.deleteByAge === true });
  bucket.onChange = (key, kept) => {
    const prefix = /^tenants\/[^/]+\/[^/]+\//.exec(key)?.[0];
    if (prefix === undefined) return;
    const before = truthOf(prefix).manifest;
    guarded(() => truthOf(prefix).changed(key, kept));
    const after = truthOf(prefix).manifest;
    if (before !== undefined && before.foldedThrough !== after?.foldedThrough) world.count("swap of a fold");
    if (before !== undefined && before.compactedAt !== after?.compactedAt) world.count("swap of a compaction");
    if (kept === undefined && key.includes("/shards/")) world.count("shard deleted");
  };
  const startProcess = async (): Promise<Mosaic> => {
    const process = new SimProcess(world, `p${++started}`);
    const files = new Map<string, Uint8Array>();
    const { clock, random } = process;
    const raw = new SimStore(bucket, process, { faults: () => faults, files, bugs });
    const store = new Retrying(raw, clock, random, { attempts: 3, firstDelayMs: 20, maxDelayMs: 200 });
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
        shardTimeoutMs: 1e9,
      },
      {},
    );
    const machinery = simMachinery(store, files, bugs);
    const engine = await Mosaic.open(settings, {
      store,
      clock,
      random,
      logger: silentLogger,
      embedder: fakeEmbedder,
      machinery,
    });
    actors.employ(process, engine);
    return engine;
  };
  for (let count = 0; count < 3; count++) await startProcess();
  while (world.step < steps && failure === undefined) {
    if (!(await world.advance())) break;
    if (actors.processes.length < 3) await startProcess();
  }
  // Then all goes well, and what is left is what must be there.
  faults = noFaults;
  actors.stop();
  const last = await startProcess();
  if (failure === undefined) failure = await settle(world, last, actors, truthOf);
  const fingerprint = createHash("sha256").update(world.history.join("\n")).digest("hex");
  return { seed, steps: world.step, failure, fingerprint, history: world.history, counts: world.counts };
}

async function settle(
  world: World,
  engine: Mosaic,
  actors: Actors,
  truthOf: (prefix: string) => Truth,
): Promise<string | undefined> {
  const truth = truthOf("tenants/acme/docs/");
  if (truth.manifest === undefined) return undefined;
  let result: string | undefined | "running" = "running";
  actors
    .finalRead(engine)
    .then((found) => {
      result = found;
    })
    .catch((error: unknown) => {
      result = isMosaicError(error) ? `at the end: ${error.message}` : String(error);
    });
  for (let step = 0; result === "running" && step < 20_000; step++) if (!(await world.advance())) break;
  return result === "running" ? "the end was not reached" : result;
}

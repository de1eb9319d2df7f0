import { readFileSync } from "node:fs";
import { MosaicError, sha256 } from "../../src/base/index.ts";
import type {
  GetOptions,
  GetResult,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutBody,
  PutOptions,
} from "../../src/store/index.ts";
import type { SimProcess, World } from "./world.ts";

export interface Kept {
  readonly bytes: Uint8Array;
  readonly info: ObjectInfo;
}

/** How often what goes wrong, of all calls. */
export interface Faults {
  readonly refused: number;
  readonly lost: number;
  readonly late: number;
  readonly truncated: number;
  readonly crash: number;
  readonly sleep: number;
}

export const noFaults: Faults = { refused: 0, lost: 0, late: 0, truncated: 0, crash: 0, sleep: 0 };
export const someFaults: Faults = {
  refused: 0.02,
  lost: 0.015,
  late: 0.01,
  truncated: 0.003,
  crash: 0.004,
  sleep: 0.002,
};

/** Bugs that a test plants, to see that they are found. */
export interface StoreBugs {
  /** `If-Match` is ignored: the last swap wins. */
  readonly swapWithoutCompare?: boolean;
  /** A segment is acknowledged when it is sent. */
  readonly acknowledgeBeforePut?: boolean;
  /** Writers never ask again whether a sequence is new; they often sleep just before they use one, so that it shows. */
  readonly trustOldManifests?: boolean;
}

/** The bucket itself: strongly consistent, atomic, one operation at a time. */
export class Bucket {
  readonly objects = new Map<string, Kept>();
  readonly world: World;
  /** Told of every object that was put or deleted, in the moment it happens. */
  onChange: (key: string, kept: Kept | undefined) => void = () => undefined;
  #version = 0;

  constructor(world: World) {
    this.world = world;
  }

  put(key: string, bytes: Uint8Array, { ifMatch, ifNoneMatch }: PutOptions): { readonly etag: string } {
    const before = this.objects.get(key);
    const holds =
      (ifNoneMatch === undefined || before === undefined) && (ifMatch === undefined || before?.info.etag === ifMatch);
    if (!holds) throw new MosaicError("conflict", "put object", { code: "precondition_failed", key });
    const etag = `${sha256(bytes).slice(0, 12)}-${this.#version++}`;
    const info = { key, etag, sizeBytes: bytes.length, modifiedMs: this.world.nowMs, storageClass: "STANDARD" };
    const kept = { bytes: bytes.slice(), info };
    this.objects.set(key, kept);
    this.onChange(key, kept);
    return { etag };
  }

  delete(key: string): void {
    if (!this.objects.delete(key)) return;
    this.onChange(key, undefined);
  }

  keys(prefix: string, startAfter = ""): string[] {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > startAfter).sort();
  }
}

const unknown = (key: string): MosaicError =>
  new MosaicError("unavailable", "put object", { code: "outcome_unknown", key, detail: "The answer was lost." });
const busy = (key: string): MosaicError =>
  new MosaicError("unavailable", "call storage", { code: "storage_busy", key, detail: "503" });

/** The bucket as one process reaches it: every call waits its turn, and may go wrong. */
export class SimStore implements ObjectStore {
  readonly description = "simulated";
  readonly #bucket: Bucket;
  readonly #process: SimProcess;
  readonly #faults: () => Faults;
  readonly #files: ReadonlyMap<string, Uint8Array>;
  readonly #bugs: StoreBugs;

  constructor(
    bucket: Bucket,
    process: SimProcess,
    parts: { readonly faults: () => Faults; readonly files: ReadonlyMap<string, Uint8Array>; readonly bugs: StoreBugs },
  ) {
    this.#bucket = bucket;
    this.#process = process;
    this.#faults = parts.faults;
    this.#files = parts.files;
    this.#bugs = parts.bugs;
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    return await this.#call(`get ${key}`, key, () => {
      const kept = this.#bucket.objects.get(key);
      if (kept === undefined) return { status: "absent" };
      if (kept.info.etag === options.ifNoneMatch) return { status: "not_modified" };
      const whole = kept.bytes.slice();
      const cut = this.#bucket.world.chance(this.#faults().truncated) && whole.length > 1;
      if (cut) this.#bucket.world.count("answer truncated");
      return { status: "found", bytes: cut ? whole.subarray(0, whole.length >> 1) : whole, info: kept.info };
    });
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    return await this.#call(`head ${key}`, key, () => this.#bucket.objects.get(key)?.info);
  }

  async put(key: string, body: PutBody, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    const bytes = "path" in body ? (this.#files.get(body.path) ?? readFileSync(body.path)) : (body as Uint8Array);
    const conditional = options.ifMatch !== undefined || options.ifNoneMatch !== undefined;
    const asked = this.#bugs.swapWithoutCompare && key.endsWith("manifest.json") ? {} : options;
    if (this.#bugs.acknowledgeBeforePut && key.includes("/wal/")) {
      void this.#call(`put ${key}`, key, () => this.#bucket.put(key, bytes, asked)).catch(() => undefined);
      return { etag: "early" };
    }
    const write = (): { readonly etag: string } => this.#bucket.put(key, bytes, asked);
    return await this.#call(`put ${key}`, key, () => {
      const { world } = this.#bucket;
      if (world.chance(this.#faults().lost)) {
        attempt(write);
        world.note(`lost answer of put ${key}`);
        world.count("answer lost");
        throw conditional ? unknown(key) : busy(key);
      }
      if (world.chance(this.#faults().late)) {
        world.park(undefined, `late put ${key}`, () => attempt(write));
        world.note(`late put ${key}`);
        world.count("put after its timeout");
        throw conditional ? unknown(key) : busy(key);
      }
      return write();
    });
  }

  async *list(prefix: string, { startAfter, limit }: ListOptions = {}): AsyncGenerator<ObjectInfo> {
    let after = startAfter ?? "";
    for (let left = limit ?? Number.POSITIVE_INFINITY; left > 0; ) {
      const from = after;
      const page = await this.#call(`list ${prefix}`, prefix, () =>
        this.#bucket
          .keys(prefix, from)
          .slice(0, Math.min(left, 20))
          .map((key) => (this.#bucket.objects.get(key) as Kept).info),
      );
      yield* page;
      left -= page.length;
      after = page.at(-1)?.key ?? after;
      if (page.length < 20) return;
    }
  }

  async delete(key: string): Promise<void> {
    await this.#call(`delete ${key}`, key, () => this.#bucket.delete(key));
  }
  copy(): Promise<{ readonly etag: string }> {
    throw new Error("not simulated");
  }
  async restore(): Promise<void> {
    throw new Error("not simulated");
  }
  mustBeRestored(): boolean {
    return false;
  }
  download(): Promise<ObjectInfo | undefined> {
    throw new Error("not simulated");
  }
  localPath(): string | undefined {
    return undefined;
  }
  async close(): Promise<void> {}

  #call<T>(label: string, key: string, effect: () => T): Promise<T> {
    const { world } = this.#bucket;
    const process = this.#process;
    return new Promise((resolve, reject) => {
      world.park(process, label, () => {
        const faults = this.#faults();
        const drowsy = this.#bugs.trustOldManifests === true && /^put .*\/wal\//.test(label);
        if (world.chance(drowsy ? 10 * faults.sleep : faults.sleep)) {
          // It wakes hours later, in the middle of whatever it was doing.
          process.sleep(1000 * (1 + world.below(4 * 3600)));
          world.park(process, label, () => settle(effect, resolve, reject));
          return;
        }
        if (world.chance(faults.crash)) {
          if (world.chance(0.5)) attempt(effect);
          process.crash();
          return;
        }
        if (world.chance(faults.refused)) {
          world.count("refused");
          reject(busy(key));
        } else settle(effect, resolve, reject);
      });
    });
  }
}

function settle<T>(effect: () => T, resolve: (value: T) => void, reject: (error: unknown) => void): void {
  try {
    resolve(effect());
  } catch (error) {
    reject(error);
  }
}

/** What nobody waits for any more happens all the same, or not. */
function attempt(effect: () => unknown): void {
  try {
    effect();
  } catch (error) {
    if (!(error instanceof MosaicError)) throw error;
  }
}

import { readFileSync } from "node:fs";
import { MosaicError } from "../../src/base/index.ts";
import type {
  GetOptions,
  GetResult,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutBody,
  PutOptions,
} from "../../src/store/index.ts";
import type { Bucket, Kept } from "./bucket.ts";
import { Tampering, type TamperingBugs } from "./tampering.ts";
import type { SimProcess } from "./world.ts";

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
export interface StoreBugs extends TamperingBugs {
  /** `If-Match` is ignored: the last swap wins. */
  readonly swapWithoutCompare?: boolean;
  /** A segment is acknowledged when it is sent. */
  readonly acknowledgeBeforePut?: boolean;
  /** Writers never ask again whether a sequence is new; they often sleep just before they use one, so that it shows. */
  readonly trustOldManifests?: boolean;
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
  readonly #tampering: Tampering;

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
    this.#tampering = new Tampering(bucket, process, parts.bugs);
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    return await this.#call(`get ${key}`, key, () => {
      const kept = this.#bucket.objects.get(key);
      if (kept === undefined) return { status: "absent" };
      if (kept.info.etag === options.ifNoneMatch) return { status: "not_modified" };
      const whole = (this.#bucket.read(key) as Kept).bytes.slice();
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
    const sent = this.#tampering.put(key, bytes);
    return await this.#change("put", key, conditional, () => this.#bucket.put(key, sent, asked));
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
    await this.#change("delete", key, false, () => this.#bucket.delete(key));
  }

  async copy(
    from: string,
    to: string,
    { storageClass = "STANDARD" }: { readonly storageClass?: string } = {},
  ): Promise<{ readonly etag: string }> {
    this.#tampering.copied(from, to);
    return await this.#change("copy", to, false, () => this.#bucket.copy(from, to, storageClass));
  }

  async restore(key: string): Promise<void> {
    await this.#change("restore", key, false, () => this.#bucket.restore(key));
  }

  mustBeRestored(storageClass: string): boolean {
    return this.#bucket.mustBeRestored(storageClass);
  }
  download(): Promise<ObjectInfo | undefined> {
    throw new Error("not simulated");
  }
  localPath(): string | undefined {
    return undefined;
  }
  async close(): Promise<void> {}

  /** Of what changes something the answer may be lost, or it happens after its caller gave up. */
  async #change<T>(what: string, key: string, conditional: boolean, effect: () => T): Promise<T> {
    return await this.#call(`${what} ${key}`, key, () => {
      const { world } = this.#bucket;
      if (world.chance(this.#faults().lost)) {
        attempt(effect);
        world.note(`lost answer of ${what} ${key}`);
        world.count("answer lost");
        throw conditional ? unknown(key) : busy(key);
      }
      if (world.chance(this.#faults().late)) {
        world.park(undefined, `late ${what} ${key}`, () => attempt(effect));
        world.note(`late ${what} ${key}`);
        world.count(`${what} after its timeout`);
        throw conditional ? unknown(key) : busy(key);
      }
      return effect();
    });
  }

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

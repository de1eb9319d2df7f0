import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { type Clock, systemClock } from "../base/index.ts";
import { byBytes, checkKey, objectNotFound, preconditionFailed, restoreRequired } from "./keys.ts";
import {
  type CopyOptions,
  type DeleteOptions,
  type GetOptions,
  type GetResult,
  type ListOptions,
  mustBeRestored,
  type ObjectInfo,
  type ObjectStore,
  type PutBody,
  type PutOptions,
  type RestoreOptions,
} from "./object-store.ts";
import { slice } from "./range.ts";

interface Kept {
  readonly bytes: Uint8Array;
  readonly info: ObjectInfo;
  /** When a restored copy is there, and until when. */
  readonly restored?: { readonly fromMs: number; readonly untilMs: number };
}

const dayMs = 24 * 60 * 60 * 1000;

/** Objects in memory: for tests and simulations. Bytes are copied in and out. */
export class MemoryStore implements ObjectStore {
  readonly description = "memory";
  readonly #objects = new Map<string, Kept>();
  readonly #clock: Clock;
  readonly #restoreMs: number;

  /** `restoreMs`: how long a restored copy takes to come. */
  constructor(clock: Clock = systemClock, { restoreMs = 0 }: { readonly restoreMs?: number } = {}) {
    this.#clock = clock;
    this.#restoreMs = restoreMs;
  }

  async get(key: string, { range, ifNoneMatch }: GetOptions = {}): Promise<GetResult> {
    const found = this.#objects.get(checkKey(key));
    if (found === undefined) return { status: "absent" };
    if (found.info.etag === ifNoneMatch) return { status: "not_modified" };
    const info = this.#readable(found, "read object");
    return { status: "found", bytes: slice(found.bytes, range).slice(), info };
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const found = this.#objects.get(checkKey(key));
    return found === undefined ? undefined : this.#infoOf(found);
  }

  async put(key: string, body: PutBody, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    checkKey(key);
    const bytes = new Uint8Array(body instanceof Uint8Array ? body : await readFile(body.path));
    // From here on nothing awaits, so that the comparison and the write are one step.
    const current = this.#objects.get(key)?.info.etag;
    if (options.ifNoneMatch === "*" && current !== undefined) throw preconditionFailed("put object", key);
    if (options.ifMatch !== undefined && options.ifMatch !== current) throw preconditionFailed("put object", key);
    return this.#keep(key, bytes, options.storageClass ?? "STANDARD");
  }

  async *list(
    prefix: string,
    { startAfter = "", limit = Number.POSITIVE_INFINITY }: ListOptions = {},
  ): AsyncIterable<ObjectInfo> {
    const keys = [...this.#objects.keys()].filter(
      (key) => key.startsWith(prefix) && (startAfter === "" || byBytes(key, startAfter) > 0),
    );
    for (const key of keys.sort(byBytes).slice(0, limit)) {
      const found = this.#objects.get(key);
      if (found !== undefined) yield found.info;
    }
  }

  async delete(key: string, { ifMatch }: DeleteOptions = {}): Promise<void> {
    const current = this.#objects.get(checkKey(key))?.info.etag;
    if (ifMatch !== undefined && current !== undefined && current !== ifMatch)
      throw preconditionFailed("delete object", key);
    this.#objects.delete(key);
  }

  async copy(
    from: string,
    to: string,
    { storageClass, onRequest }: CopyOptions = {},
  ): Promise<{ readonly etag: string }> {
    onRequest?.("put");
    const found = this.#objects.get(checkKey(from));
    if (found === undefined) throw objectNotFound("copy object", from);
    this.#readable(found, "copy object");
    return this.#keep(checkKey(to), found.bytes, storageClass ?? "STANDARD");
  }

  async restore(key: string, { days, onRequest }: RestoreOptions): Promise<void> {
    onRequest?.("put");
    const found = this.#objects.get(checkKey(key));
    if (found === undefined) throw objectNotFound("restore object", key);
    if (!mustBeRestored(found.info.storageClass) || this.#infoOf(found).restore !== undefined) return;
    const fromMs = this.#clock.now() + this.#restoreMs;
    this.#objects.set(key, { ...found, restored: { fromMs, untilMs: fromMs + days * dayMs } });
  }

  mustBeRestored(storageClass: string): boolean {
    return mustBeRestored(storageClass);
  }

  async download(key: string, path: string): Promise<ObjectInfo | undefined> {
    const found = this.#objects.get(checkKey(key));
    if (found === undefined) return undefined;
    const info = this.#readable(found, "download object");
    await writeFile(path, found.bytes);
    return info;
  }

  localPath(): undefined {
    return undefined;
  }

  async close(): Promise<void> {}

  #infoOf({ info, restored }: Kept): ObjectInfo {
    const now = this.#clock.now();
    if (restored === undefined || restored.untilMs <= now) return info;
    return { ...info, restore: restored.fromMs <= now ? "ready" : "ongoing" };
  }

  #readable(kept: Kept, operation: string): ObjectInfo {
    const info = this.#infoOf(kept);
    if (mustBeRestored(info.storageClass) && info.restore !== "ready") throw restoreRequired(operation, info.key);
    return info;
  }

  #keep(key: string, bytes: Uint8Array, storageClass: string): { readonly etag: string } {
    const etag = createHash("sha256").update(bytes).digest("hex");
    this.#objects.set(key, {
      bytes,
      info: { key, etag, sizeBytes: bytes.length, modifiedMs: this.#clock.now(), storageClass },
    });
    return { etag };
  }
}

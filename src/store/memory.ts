import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { type Clock, systemClock } from "../base/index.ts";
import { byBytes, checkKey, objectNotFound, preconditionFailed } from "./keys.ts";
import type {
  GetOptions,
  GetResult,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutBody,
  PutOptions,
} from "./object-store.ts";
import { slice } from "./range.ts";

interface Kept {
  readonly bytes: Uint8Array;
  readonly info: ObjectInfo;
}

/** Objects in memory: for tests and simulations. Bytes are copied in and out. */
export class MemoryStore implements ObjectStore {
  readonly description = "memory";
  readonly #objects = new Map<string, Kept>();
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  async get(key: string, { range, ifNoneMatch }: GetOptions = {}): Promise<GetResult> {
    const found = this.#objects.get(checkKey(key));
    if (found === undefined) return { status: "absent" };
    if (found.info.etag === ifNoneMatch) return { status: "not_modified" };
    return { status: "found", bytes: slice(found.bytes, range).slice(), info: found.info };
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    return this.#objects.get(checkKey(key))?.info;
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

  async delete(key: string): Promise<void> {
    this.#objects.delete(checkKey(key));
  }

  async copy(
    from: string,
    to: string,
    { storageClass }: { readonly storageClass?: string } = {},
  ): Promise<{ readonly etag: string }> {
    const found = this.#objects.get(checkKey(from));
    if (found === undefined) throw objectNotFound("copy object", from);
    return this.#keep(checkKey(to), found.bytes, storageClass ?? found.info.storageClass);
  }

  async download(key: string, path: string): Promise<ObjectInfo | undefined> {
    const found = this.#objects.get(checkKey(key));
    if (found !== undefined) await writeFile(path, found.bytes);
    return found?.info;
  }

  localPath(): undefined {
    return undefined;
  }

  async close(): Promise<void> {}

  #keep(key: string, bytes: Uint8Array, storageClass: string): { readonly etag: string } {
    const etag = createHash("sha256").update(bytes).digest("hex");
    this.#objects.set(key, {
      bytes,
      info: { key, etag, sizeBytes: bytes.length, modifiedMs: this.#clock.now(), storageClass },
    });
    return { etag };
  }
}

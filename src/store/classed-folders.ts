import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { archiveClasses, type Clock, type Random, systemClock, systemRandom } from "../base/index.ts";
import { FolderStore } from "./folder.ts";
import { byBytes, objectNotFound, preconditionFailed } from "./keys.ts";
import type {
  CopyOptions,
  DeleteOptions,
  GetOptions,
  GetResult,
  ListOptions,
  ObjectInfo,
  ObjectStore,
  PutBody,
  PutOptions,
  RestoreOptions,
} from "./object-store.ts";

interface Parts {
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Below the storage folder, where no key can lie. */
const defaultArchive = ".archive";

/**
 * A folder whose objects of another class than STANDARD are files of another folder, perhaps of a slower disk:
 * `<archive>/<class>/<key>`. They are read like all others, and need no restore. A key is in one class: who puts it into
 * another takes it out of the first. Only puts of the same key into different classes at once are not kept apart.
 */
export class ClassedFolders implements ObjectStore {
  readonly description: string;
  readonly #standard: FolderStore;
  readonly #archive: string;
  readonly #parts: Required<Parts>;
  readonly #opened = new Map<string, FolderStore>();

  /** `archive`: by default a folder inside `root`. */
  constructor(root: string, archive?: string, { clock = systemClock, random = systemRandom }: Parts = {}) {
    this.#parts = { clock, random };
    this.#standard = new FolderStore(root, this.#parts);
    this.#archive = archive === undefined ? join(resolve(root), defaultArchive) : resolve(archive);
    this.description = this.#standard.description;
  }

  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    const got = await this.#standard.get(key, options);
    if (got.status !== "absent") return got;
    for (const [storageClass, folder] of this.#archived()) {
      const found = await folder.get(key, options);
      if (found.status === "found") return { ...found, info: { ...found.info, storageClass } };
      if (found.status === "not_modified") return found;
    }
    return got;
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const got = await this.get(key, { range: { start: 0, end: 0 } });
    return got.status === "found" ? got.info : undefined;
  }

  async put(
    key: string,
    body: PutBody,
    { storageClass = "STANDARD", ...conditions }: PutOptions = {},
  ): Promise<{ readonly etag: string }> {
    const target = this.#folderOf(storageClass);
    const elsewhere = await this.#elsewhere(key, storageClass);
    if (elsewhere === undefined) return await target.put(key, body, conditions);
    const { ifMatch, ifNoneMatch } = conditions;
    if (ifNoneMatch === "*" || (ifMatch !== undefined && ifMatch !== elsewhere.info.etag))
      throw preconditionFailed("put object", key);
    const put = await target.put(key, body);
    await elsewhere.folder.delete(key);
    return put;
  }

  async *list(
    prefix: string,
    { startAfter, limit = Number.POSITIVE_INFINITY }: ListOptions = {},
  ): AsyncIterable<ObjectInfo> {
    const from = startAfter === undefined ? {} : { startAfter };
    const lists = [["STANDARD", this.#standard] as const, ...this.#archived()].map(([storageClass, folder]) =>
      classed(folder.list(prefix, from), storageClass),
    );
    let left = limit;
    for await (const info of merged(lists)) {
      if (left-- <= 0) return;
      yield info;
    }
  }

  async delete(key: string, options?: DeleteOptions): Promise<void> {
    await this.#standard.delete(key, options);
    for (const [, folder] of this.#archived()) await folder.delete(key, options);
  }

  async copy(
    from: string,
    to: string,
    { storageClass = "STANDARD", onRequest }: CopyOptions = {},
  ): Promise<{ readonly etag: string }> {
    onRequest?.("put");
    this.#standard.localPath(to);
    const path = this.localPath(from);
    if ((await this.head(from)) === undefined) throw objectNotFound("copy object", from);
    return await this.put(to, { path }, { storageClass });
  }

  async restore(key: string, { onRequest }: RestoreOptions): Promise<void> {
    onRequest?.("put");
    if ((await this.head(key)) === undefined) throw objectNotFound("restore object", key);
  }

  mustBeRestored(): boolean {
    return false;
  }

  async download(key: string, path: string): Promise<ObjectInfo | undefined> {
    const info = await this.#standard.download(key, path);
    if (info !== undefined) return info;
    for (const [storageClass, folder] of this.#archived()) {
      const found = await folder.download(key, path);
      if (found !== undefined) return { ...found, storageClass };
    }
    return undefined;
  }

  localPath(key: string): string {
    const path = this.#standard.localPath(key);
    if (existsSync(path)) return path;
    return (
      this.#archived()
        .map(([, folder]) => folder.localPath(key))
        .find(existsSync) ?? path
    );
  }

  async close(): Promise<void> {
    await Promise.all([this.#standard, ...this.#opened.values()].map((folder) => folder.close()));
  }

  #folderOf(storageClass: string): FolderStore {
    if (storageClass === "STANDARD") return this.#standard;
    const known = this.#opened.get(storageClass);
    if (known !== undefined) return known;
    const made = new FolderStore(join(this.#archive, storageClass), this.#parts);
    this.#opened.set(storageClass, made);
    return made;
  }

  /** Folders of classes that hold anything; other processes may have made them just now. */
  #archived(): readonly (readonly [string, FolderStore])[] {
    if (!existsSync(this.#archive)) return [];
    const names = new Set(readdirSync(this.#archive));
    return archiveClasses.filter((name) => names.has(name)).map((name) => [name, this.#folderOf(name)] as const);
  }

  async #elsewhere(
    key: string,
    storageClass: string,
  ): Promise<{ readonly folder: FolderStore; readonly info: ObjectInfo } | undefined> {
    for (const [name, folder] of [["STANDARD", this.#standard] as const, ...this.#archived()]) {
      const info = name === storageClass ? undefined : await folder.head(key);
      if (info !== undefined) return { folder, info };
    }
    return undefined;
  }
}

async function* classed(list: AsyncIterable<ObjectInfo>, storageClass: string): AsyncGenerator<ObjectInfo> {
  for await (const info of list) yield { ...info, storageClass };
}

/** Of some lists in order one in order. */
async function* merged(lists: readonly AsyncGenerator<ObjectInfo>[]): AsyncGenerator<ObjectInfo> {
  const heads = await Promise.all(lists.map(async (list) => ({ list, next: await list.next() })));
  for (;;) {
    let least: (typeof heads)[number] | undefined;
    for (const head of heads) {
      if (head.next.done) continue;
      const best = least?.next.done === false ? least.next.value.key : undefined;
      if (best === undefined || byBytes(head.next.value.key, best) < 0) least = head;
    }
    if (least?.next.done !== false) return;
    yield least.next.value;
    least.next = await least.list.next();
  }
}

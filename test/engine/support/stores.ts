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
} from "../../../src/store/index.ts";

/** A store that passes everything on: what a test overrides is all that differs. */
export class PassingStore implements ObjectStore {
  protected readonly inner: ObjectStore;

  constructor(inner: ObjectStore) {
    this.inner = inner;
  }
  get description(): string {
    return this.inner.description;
  }
  get(key: string, options?: GetOptions): Promise<GetResult> {
    return this.inner.get(key, options);
  }
  head(key: string): Promise<ObjectInfo | undefined> {
    return this.inner.head(key);
  }
  put(key: string, body: PutBody, options?: PutOptions): Promise<{ readonly etag: string }> {
    return this.inner.put(key, body, options);
  }
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo> {
    return this.inner.list(prefix, options);
  }
  delete(key: string, options?: DeleteOptions): Promise<void> {
    return this.inner.delete(key, options);
  }
  copy(from: string, to: string, options?: CopyOptions): Promise<{ readonly etag: string }> {
    return this.inner.copy(from, to, options);
  }
  restore(key: string, options: RestoreOptions): Promise<void> {
    return this.inner.restore(key, options);
  }
  mustBeRestored(storageClass: string): boolean {
    return this.inner.mustBeRestored(storageClass);
  }
  download(key: string, path: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    return this.inner.download(key, path, signal);
  }
  localPath(key: string): string | undefined {
    return this.inner.localPath(key);
  }
  close(): Promise<void> {
    return this.inner.close();
  }
}

export type StoreCall = "get" | "head" | "put" | "list" | "delete" | "copy" | "download";
export interface Counted {
  readonly call: StoreCall;
  readonly key: string;
  /** Of the body that came back; 0 for `not_modified` and `absent`. */
  readonly bytes: number;
}

/** Keeps a line of every request. */
export class CountingStore extends PassingStore {
  readonly lines: Counted[] = [];

  override async get(key: string, options?: GetOptions): Promise<GetResult> {
    const got = await super.get(key, options);
    this.lines.push({ call: "get", key, bytes: got.status === "found" ? got.bytes.length : 0 });
    return got;
  }
  override head(key: string): Promise<ObjectInfo | undefined> {
    this.lines.push({ call: "head", key, bytes: 0 });
    return super.head(key);
  }
  override put(key: string, body: PutBody, options?: PutOptions): Promise<{ readonly etag: string }> {
    this.lines.push({ call: "put", key, bytes: 0 });
    return super.put(key, body, options);
  }
  override list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo> {
    this.lines.push({ call: "list", key: prefix, bytes: 0 });
    return super.list(prefix, options);
  }
  override delete(key: string): Promise<void> {
    this.lines.push({ call: "delete", key, bytes: 0 });
    return super.delete(key);
  }
  override async download(key: string, path: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    const info = await super.download(key, path, signal);
    this.lines.push({ call: "download", key, bytes: info?.sizeBytes ?? 0 });
    return info;
  }

  /** Requests that `task` made. */
  async during(task: () => Promise<unknown>): Promise<readonly Counted[]> {
    const before = this.lines.length;
    await task();
    return this.lines.slice(before);
  }
}

/** Requests by kind, and the bytes that came back. Downloads are GETs. */
export function tally(lines: readonly Counted[]): {
  readonly gets: number;
  readonly puts: number;
  readonly lists: number;
  readonly deletes: number;
  readonly bytes: number;
} {
  const count = (...calls: readonly StoreCall[]): number => lines.filter(({ call }) => calls.includes(call)).length;
  return {
    gets: count("get", "head", "download"),
    puts: count("put", "copy"),
    lists: count("list"),
    deletes: count("delete"),
    bytes: lines.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** Puts go through `onPut`, which may refuse them, do them and lose the answer, or first do something else. */
export class HookedStore extends PassingStore {
  onPut:
    | ((key: string, put: () => Promise<{ readonly etag: string }>) => Promise<{ readonly etag: string }>)
    | undefined;

  override put(key: string, body: PutBody, options?: PutOptions): Promise<{ readonly etag: string }> {
    const put = (): Promise<{ readonly etag: string }> => super.put(key, body, options);
    return this.onPut === undefined ? put() : this.onPut(key, put);
  }
}

export async function allKeys(store: ObjectStore, prefix = ""): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

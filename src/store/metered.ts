import type {
  Billed,
  BilledAs,
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

/** Where requests are counted: of the query, or of whatever else, that is running now. */
export interface StorageReceipt {
  getRequests: number;
  putRequests: number;
  listRequests: number;
  bytesFetched: number;
  /** Of these, what was read or looked up in other classes than STANDARD: they cost more. */
  cold: Record<string, ColdReads>;
}

export interface ColdReads {
  requests: number;
  bytes: number;
}

/** Keys that one LIST request of S3 gives. */
const pageKeys = 1000;

/**
 * Counts every attempt, also failed ones: storage bills them too. Deletes are free. Of a copy, or a restore, each request is
 * counted that it takes: the look before, and the parts of a large object.
 */
export class Metered implements ObjectStore {
  readonly #store: ObjectStore;
  readonly #currentReceipt: () => StorageReceipt | undefined;

  constructor(store: ObjectStore, currentReceipt: () => StorageReceipt | undefined) {
    this.#store = store;
    this.#currentReceipt = currentReceipt;
  }

  get description(): string {
    return this.#store.description;
  }
  async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    this.#count("getRequests");
    const got = await this.#store.get(key, options);
    if (got.status === "found") this.#fetched(got.info, got.bytes.length);
    return got;
  }
  async head(key: string): Promise<ObjectInfo | undefined> {
    this.#count("getRequests");
    const info = await this.#store.head(key);
    if (info !== undefined) this.#fetched(info, 0);
    return info;
  }
  put(key: string, body: PutBody, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    this.#count("putRequests");
    return this.#store.put(key, body, options);
  }
  async *list(prefix: string, options: ListOptions = {}): AsyncIterable<ObjectInfo> {
    let given = 0;
    this.#count("listRequests");
    for await (const info of this.#store.list(prefix, options)) {
      if (given > 0 && given % pageKeys === 0) this.#count("listRequests");
      given++;
      yield info;
    }
  }
  delete(key: string, options?: DeleteOptions): Promise<void> {
    return this.#store.delete(key, options);
  }
  copy(from: string, to: string, options: CopyOptions = {}): Promise<{ readonly etag: string }> {
    return this.#store.copy(from, to, { ...options, onRequest: this.#billing(options) });
  }
  restore(key: string, options: RestoreOptions): Promise<void> {
    return this.#store.restore(key, { ...options, onRequest: this.#billing(options) });
  }
  mustBeRestored(storageClass: string): boolean {
    return this.#store.mustBeRestored(storageClass);
  }
  async download(key: string, path: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    this.#count("getRequests");
    const info = await this.#store.download(key, path, signal);
    if (info !== undefined) this.#fetched(info, info.sizeBytes);
    return info;
  }
  localPath(key: string): string | undefined {
    return this.#store.localPath(key);
  }
  close(): Promise<void> {
    return this.#store.close();
  }

  #billing({ onRequest }: Billed): (kind: BilledAs) => void {
    return (kind) => {
      this.#count(kind === "put" ? "putRequests" : "getRequests");
      onRequest?.(kind);
    };
  }

  #fetched({ storageClass }: ObjectInfo, bytes: number): void {
    this.#count("bytesFetched", bytes);
    const receipt = this.#currentReceipt();
    if (receipt === undefined || storageClass === "STANDARD") return;
    receipt.cold[storageClass] ??= { requests: 0, bytes: 0 };
    receipt.cold[storageClass].requests++;
    receipt.cold[storageClass].bytes += bytes;
  }

  #count(what: Exclude<keyof StorageReceipt, "cold">, amount = 1): void {
    const receipt = this.#currentReceipt();
    if (receipt !== undefined) receipt[what] += amount;
  }
}

import { readFile } from "node:fs/promises";
import { LRUCache } from "lru-cache";
import { isMosaicError, MosaicError, sha256 } from "../base/index.ts";
import type { ObjectRef, ShardEntry } from "../manifest/index.ts";
import { DeadRows, type DeadTerms, type ObjectFiles, TermTable } from "../shard/index.ts";

/** Lists of terms of shards, and what dead rows take from them, in memory as far as they fit, from local copies. */
export class TermTables {
  readonly #objects: ObjectFiles;
  readonly #tables: LRUCache<string, TermTable, undefined>;
  readonly #dead: LRUCache<string, KnownDead, undefined>;

  constructor(objects: ObjectFiles, maxBytes: number) {
    this.#objects = objects;
    this.#tables = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ bytes }) => bytes.length + 1024,
      fetchMethod: (_key, _stale, { context }) => this.#load(context as unknown as ObjectRef, tableOf),
    });
    this.#dead = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ terms }) => (terms?.bytes.length ?? 0) + 1024,
      fetchMethod: (_key, _stale, { context }) => this.#load(context as unknown as ObjectRef, deadOf),
    });
  }

  /** Throws `data` when the object is missing or damaged. */
  async of({ terms }: Pick<ShardEntry, "terms">): Promise<TermTable> {
    const table = await this.#tables.fetch(terms.key, { context: terms as never });
    if (table === undefined) throw new MosaicError("internal", "load terms");
    return table;
  }

  /** What a shard's dead rows take from its list; `terms` undefined: their bitmap doesn't say. Throws as `of` does. */
  async ofDead(deletes: ObjectRef): Promise<KnownDead> {
    const dead = await this.#dead.fetch(deletes.key, { context: deletes as never });
    if (dead === undefined) throw new MosaicError("internal", "load deletes");
    return dead;
  }

  /** A damaged local copy is fetched again, once. */
  async #load<T>(ref: ObjectRef, decode: Decode<T>): Promise<T> {
    try {
      return decode(await this.#read(ref), ref.key);
    } catch (error) {
      if (!isMosaicError(error, "data") || !(await this.#objects.drop(ref))) throw error;
      return decode(await this.#read(ref), ref.key);
    }
  }

  async #read(ref: ObjectRef): Promise<Uint8Array> {
    using pin = await this.#objects.pin(ref);
    const bytes = await readFile(pin.path).catch((cause: unknown) => {
      throw damaged(ref, "object_missing", cause);
    });
    if (sha256(bytes) !== ref.sha256) throw damaged(ref, "terms_damaged", undefined);
    return bytes;
  }
}

type Decode<T> = (bytes: Uint8Array, key: string) => T;

export interface KnownDead {
  readonly count: number;
  readonly terms: DeadTerms | undefined;
}

const tableOf: Decode<TermTable> = (bytes, key) => TermTable.decode(bytes, key);
const deadOf: Decode<KnownDead> = (bytes, key) => {
  const { count, terms } = DeadRows.decode(bytes, key);
  return { count, terms };
};

const damaged = ({ key }: ObjectRef, code: string, cause: unknown): MosaicError =>
  new MosaicError("data", "read terms", {
    code,
    detail: "The list of a shard's terms is missing or damaged; the collection can't be searched by text without it.",
    key,
    hint: "run: mosaic verify --repair",
    cause,
  });

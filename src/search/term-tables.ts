import { readFile } from "node:fs/promises";
import { LRUCache } from "lru-cache";
import { isMosaicError, MosaicError, sha256 } from "../base/index.ts";
import type { ObjectRef, ShardEntry } from "../manifest/index.ts";
import { type ObjectFiles, TermTable } from "../shard/index.ts";

/** Lists of terms of shards, in memory as far as they fit, from local copies. */
export class TermTables {
  readonly #objects: ObjectFiles;
  readonly #tables: LRUCache<string, TermTable, undefined>;

  constructor(objects: ObjectFiles, maxBytes: number) {
    this.#objects = objects;
    this.#tables = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ bytes }) => bytes.length + 1024,
      fetchMethod: (_key, _stale, { context }) => this.#load(context as unknown as ObjectRef),
    });
  }

  /** Throws `data` when the object is missing or damaged. */
  async of({ terms }: Pick<ShardEntry, "terms">): Promise<TermTable> {
    const table = await this.#tables.fetch(terms.key, { context: terms as never });
    if (table === undefined) throw new MosaicError("internal", "load terms");
    return table;
  }

  /** A damaged local copy is fetched again, once. */
  async #load(ref: ObjectRef): Promise<TermTable> {
    try {
      return await this.#read(ref);
    } catch (error) {
      if (!isMosaicError(error, "data") || !(await this.#objects.drop(ref))) throw error;
      return await this.#read(ref);
    }
  }

  async #read(ref: ObjectRef): Promise<TermTable> {
    using pin = await this.#objects.pin(ref);
    const bytes = await readFile(pin.path).catch((cause: unknown) => {
      throw damaged(ref, "object_missing", cause);
    });
    if (sha256(bytes) !== ref.sha256) throw damaged(ref, "terms_damaged", undefined);
    return TermTable.decode(bytes, ref.key);
  }
}

const damaged = ({ key }: ObjectRef, code: string, cause: unknown): MosaicError =>
  new MosaicError("data", "read terms", {
    code,
    detail: "The list of a shard's terms is missing or damaged; the collection can't be searched by text without it.",
    key,
    hint: "run: mosaic verify --repair",
    cause,
  });

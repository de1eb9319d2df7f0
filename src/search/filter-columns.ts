import { type ColumnFilter, ColumnSet, columnsRead, keyPrefix, type Summary } from "../shard/index.ts";
import type { LeafFailure, ShardTarget } from "./leaf-request.ts";
import type { LeafTransport } from "./leaves.ts";
import type { Moment } from "./moment.ts";

export interface ColumnAnswer {
  /** By shard: bit r says that row r fulfils the filter. Without those whose file has not all columns that it reads. */
  readonly shards: ReadonlyMap<string, Uint8Array>;
  readonly failed: readonly LeafFailure[];
}

/** Cells that a query would visit: by shard, read ahead in the same round. */
export type CellsAhead = ReadonlyMap<string, readonly number[]>;

/**
 * Filters by columns of codes. Their bytes are asked of the leaves once, and kept; a filter is a pass over a byte or two a row,
 * here, because its bits decide which cells are visited.
 */
export class FilterColumns {
  readonly #leaves: LeafTransport;
  readonly #set: ColumnSet;

  /** `maxBytes`: of the columns that are kept. */
  constructor(leaves: LeafTransport, maxBytes: number) {
    this.#leaves = leaves;
    this.#set = new ColumnSet(maxBytes);
  }

  async find(
    { view, snapshot }: Moment,
    filter: ColumnFilter,
    wanted: ReadonlySet<string>,
    ahead: () => CellsAhead,
    timeoutMs: number,
  ): Promise<ColumnAnswer> {
    const names = [...columnsRead(filter)];
    const able = snapshot.targets
      .filter(({ entry }) => wanted.has(entry.id))
      .map((target) => ({ target, summary: view.summaries.of(target.entry.id) }))
      .filter(({ summary }) => names.every((name) => summary.columns.includes(name) || isAbsent(summary, name)));
    const asked = able.flatMap(({ target, summary }) => {
      const columns = names
        .filter((name) => summary.columns.includes(name) && !this.#set.has(target.entry.file.key, name))
        .map((name) => ({ name, number: summary.columns.indexOf(name) + 1 }));
      return columns.length === 0 ? [] : [{ target, columns }];
    });
    const loaded = asked.length === 0 ? nothing : await this.#load(snapshot.scope, asked, ahead(), timeoutMs);
    const lost = new Set(loaded.failed.map(({ shard }) => shard));
    const shards = new Map<string, Uint8Array>();
    for (const { target, summary } of able) {
      const { id, file, documents } = target.entry;
      if (lost.has(id)) continue;
      const bits = this.#set.matching(file.key, filter, documents, (name) => isAbsent(summary, name));
      if (bits !== undefined) shards.set(id, bits);
    }
    return { shards, ...loaded };
  }

  async #load(
    scope: Moment["snapshot"]["scope"],
    asked: readonly { readonly target: ShardTarget; readonly columns: readonly WantedColumn[] }[],
    ahead: CellsAhead,
    timeoutMs: number,
  ): Promise<Omit<ColumnAnswer, "shards">> {
    const shards = asked.map(({ target: { entry }, columns }) => ({
      entry: { ...entry, deletes: null },
      excluded: [],
      columns,
      cells: ahead.get(entry.id) ?? [],
    }));
    const reply = await this.#leaves.ask({ kind: "columns", scope, shards }, timeoutMs);
    const rows = new Map(shards.map(({ entry }) => [entry.id as string, entry]));
    for (const { shard, name, dictionary, codes } of reply.columns ?? []) {
      const entry = rows.get(shard);
      if (entry !== undefined) this.#set.add(entry.file.key, name, { dictionary, codes }, entry.documents);
    }
    return { failed: reply.failed };
  }
}

interface WantedColumn {
  readonly name: string;
  readonly number: number;
}

const nothing: Omit<ColumnAnswer, "shards"> = { failed: [] };

/** Whether no row of the shard has such a key: then it is NULL in all of them. */
function isAbsent({ values: { keys } }: Summary, name: string): boolean {
  return keys !== undefined && name.startsWith(keyPrefix) && !keys.has(name.slice(keyPrefix.length));
}

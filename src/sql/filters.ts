import { LRUCache } from "lru-cache";
import type { Expr } from "sqlite3-parser";
import { type Clock, formatTimestamp, type SerializedError } from "../base/index.ts";
import { columnFilter } from "./column-filter.ts";
import type { DocumentExpression } from "./condition.ts";
import { Conditions } from "./conditions.ts";
import type { FailedShard, SqlData, SqlHelp, SqlShard } from "./data.ts";
import { columnNames, documentColumns, documentsName } from "./language/documents.ts";
import type { Parameters } from "./language/parameters.ts";
import { print } from "./language/print.ts";
import type { SqlValue } from "./language/values.ts";
import { columnsIn } from "./plan/simple.ts";
import type { BoundValues, Unit } from "./process/messages.ts";
import type { SqlPool } from "./process/pool.ts";
import { mayMatch } from "./prune/prune.ts";
import { tailMatches } from "./tail-filter.ts";
import { bytesOf, tailRows } from "./tail-rows.ts";
import { divided, unitOf } from "./units.ts";

export interface FilterRequest {
  readonly where: string;
  readonly params?: Parameters | undefined;
  readonly timeoutMs: number;
}

export interface FilterAnswer {
  /** By shard: bit r says that row r fulfils the condition, dead or not. Shards without such a row have no entry. */
  readonly shards: ReadonlyMap<string, Uint8Array>;
  /** How that was found: `columns`, or `SQL`. */
  readonly means: ReadonlyMap<string, FilterMeans>;
  /** Places in the tail of the documents that do. */
  readonly tail: ReadonlySet<number>;
  /** Shards that their summaries excluded. */
  readonly pruned: ReadonlySet<string>;
  readonly failed: readonly { readonly shard: string; readonly error: SerializedError }[];
  readonly computeMs: number;
}

export type FilterMeans = "columns" | "SQL";

export interface FiltersOptions {
  readonly pool: SqlPool;
  /** Shards that are asked side by side for one query. */
  readonly parallel: number;
  readonly clock: Clock;
  /** Of what is remembered of filters: a bit for each row of a shard. */
  readonly cacheMaxBytes: number;
}

/**
 * Which rows fulfil a `where`. Columns of codes tell it for plain conditions (see `columnFilter`), in microseconds and in this
 * process; for others SQLite finds the rows, by an index where it can, in a process that can be ended. The answer for a shard and its
 * ranks, which never change, is remembered: a filter that comes again costs nothing.
 */
export class Filters {
  readonly #options: FiltersOptions;
  readonly #known: LRUCache<string, Found>;
  readonly #conditions = new Conditions();
  /** Goes with the expression, which is the same for all conditions of its shape. */
  readonly #texts = new WeakMap<Expr, string>();

  constructor(options: FiltersOptions) {
    this.#options = options;
    this.#known = new LRUCache({
      maxSize: options.cacheMaxBytes,
      sizeCalculation: ({ bits }, key) => bits.length + key.length + 64,
    });
  }

  /** Reads the condition, so that one that is wrong is refused before anything else is done. */
  read({ where, params }: Pick<FilterRequest, "where" | "params">): DocumentExpression {
    return this.#conditions.read({ name: "where", sql: where, params, moment: momentOf(this.#options.clock) });
  }

  async find(condition: DocumentExpression, data: SqlData, help: SqlHelp, timeoutMs: number): Promise<FilterAnswer> {
    const values = await valuesOf(condition, help);
    const sql = this.#textOf(condition.expr);
    const kept = data.shards.filter(({ known }) => mayMatch(condition.expr, known, values));
    const pruned = new Set(data.shards.filter((shard) => !kept.includes(shard)).map(({ id }) => id));
    const byRank = columnsIn([condition.expr]).includes("pagerank");
    const key = ({ file, ranks }: SqlShard): string =>
      `${file.key}\n${byRank ? (ranks?.key ?? "") : ""}\n${sql}\n${textOf(values)}`;
    const shards = new Map<string, Uint8Array>();
    const means = new Map<string, FilterMeans>();
    const take = (id: string, found: Found): void => {
      if (found.bits.length > 0) shards.set(id, found.bits);
      means.set(id, found.means);
    };
    for (const shard of kept) {
      const known = this.#known.get(key(shard));
      if (known !== undefined) take(shard.id, known);
    }
    const unknown = kept.filter(({ id }) => !means.has(id));
    const found = await this.#search(condition, unknown, data, values, help, timeoutMs);
    for (const shard of unknown) {
      const bits = found.shards.get(shard.id);
      if (bits === undefined) continue;
      const own: Found = { bits, means: found.means.get(shard.id) ?? "SQL" };
      this.#known.set(key(shard), own);
      take(shard.id, own);
    }
    return { ...found, shards, means, pruned };
  }

  #textOf(expr: Expr): string {
    const known = this.#texts.get(expr) ?? print(expr);
    this.#texts.set(expr, known);
    return known;
  }

  /** By columns where they can tell; what is left by SQLite. */
  async #search(
    condition: DocumentExpression,
    shards: readonly SqlShard[],
    { tail }: SqlData,
    values: BoundValues,
    help: SqlHelp,
    timeoutMs: number,
  ): Promise<Omit<FilterAnswer, "pruned">> {
    const filter = columnFilter(condition.expr, values);
    const inTail = filter === undefined ? undefined : tailMatches(filter, tail);
    const byRank = columnsIn([condition.expr]).includes("pagerank");
    // The columns of a file don't know of ranks that lie beside it.
    const isWanted = ({ unreadable, ranks }: SqlShard): boolean =>
      unreadable === undefined && !(byRank && ranks !== null);
    const wanted = new Set(shards.filter(isWanted).map(({ id }) => id));
    const byColumns =
      filter === undefined || wanted.size === 0 ? undefined : await help.columns?.(filter, wanted, timeoutMs);
    const failed = byColumns?.failed ?? [];
    const done = new Set([...(byColumns?.shards.keys() ?? []), ...failed.map(({ shard }) => shard)]);
    const left = shards.filter(({ id }) => !done.has(id));
    const means = new Map([...(byColumns?.shards.keys() ?? [])].map((id) => [id, "columns"] as const));
    // What columns can answer, SQLite would not refuse: there is nothing to ask it.
    if (filter !== undefined && left.length === 0 && inTail !== undefined) {
      const shards = byColumns?.shards ?? new Map<string, Uint8Array>();
      return { shards, means, tail: inTail, failed, computeMs: 0 };
    }
    const rest = { shards: left, tail: inTail === undefined ? tail : [] };
    const found = await this.#ask(condition, this.#textOf(condition.expr), rest, values, help, timeoutMs);
    return {
      shards: new Map([...(byColumns?.shards ?? []), ...found.shards]),
      means,
      tail: inTail ?? found.tail,
      failed: [...failed, ...found.failed],
      computeMs: found.computeMs,
    };
  }

  async #ask(
    { expr }: DocumentExpression,
    sql: string,
    { shards, tail }: Pick<SqlData, "shards" | "tail">,
    values: BoundValues,
    help: SqlHelp,
    timeoutMs: number,
  ): Promise<Omit<FilterAnswer, "pruned" | "means">> {
    const columns = columnsIn([expr]);
    const fetched = await Promise.all(
      shards.map((shard) => unitOf({ ...shard, deletes: null, excluded: [] }, columns, help)),
    );
    const failed: FailedShard[] = fetched.filter((one) => "error" in one);
    const groups = divided(
      fetched.filter((one) => "kind" in one),
      shards,
      this.#options.parallel,
    );
    const first: Unit[] = groups[0] ?? [];
    if (tail.length > 0) first.push({ kind: "rows", rows: tailRows(tail, columns) });
    if (groups.length === 0 && first.length > 0) groups.push(first);
    const bits = new Map<string, Uint8Array>();
    let [inTail, computeMs] = [new Uint8Array(0), 0];
    const time = { leftMs: timeoutMs, timeoutMs };
    // A condition that SQLite refuses is refused also where there is nothing to ask.
    if (groups.length === 0) await this.#options.pool.run({ kind: "prepare", ...checkOf(sql) }, time);
    for (const { reply, tookMs } of await Promise.all(
      groups.map((units) => this.#options.pool.run({ kind: "filter", units, condition: sql, values }, time)),
    )) {
      computeMs += tookMs;
      failed.push(...reply.failed);
      for (const { shard, bits: own } of reply.found) {
        if (shard === null) inTail = new Uint8Array(own);
        else bits.set(shard, own);
      }
    }
    const places = tail.flatMap((_document, at) => (((inTail[at >>> 3] ?? 0) >>> (at & 7)) & 1 ? [at] : []));
    return { shards: bits, tail: new Set(places), failed, computeMs };
  }
}

interface Found {
  readonly bits: Uint8Array;
  readonly means: FilterMeans;
}

const checkOf = (condition: string) => ({
  sql: `SELECT 1 FROM "documents" WHERE ${condition}`,
  tables: [
    { name: documentsName, columns: columnNames.map((name) => ({ name, type: documentColumns[name] })), rows: [] },
  ],
});

export const momentOf = (clock: Clock): string => formatTimestamp(clock.now()).padEnd(23, ".000");

export async function valuesOf({ bindings, vectors }: DocumentExpression, help: SqlHelp): Promise<BoundValues> {
  const embedded = await Promise.all(
    vectors.map(async ({ text, number }) => [number, bytesOf(await help.embed(text))] as const),
  );
  return Object.fromEntries([...bindings, ...embedded].map(([number, value]) => [`p${number}`, value]));
}

const textOf = (values: BoundValues): string =>
  JSON.stringify(values, (_name, value: SqlValue) =>
    typeof value === "bigint"
      ? `${value}n`
      : value instanceof Uint8Array
        ? Buffer.from(value).toString("base64")
        : value,
  );

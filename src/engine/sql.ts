import { join } from "node:path";
import { MosaicError, type Scope, serializeError } from "../base/index.ts";
import { needsRestore, type RanksRef } from "../manifest/index.ts";
import {
  type CellsAhead,
  type CollectionView,
  type FilterColumns,
  type Moment,
  momentOf,
  type Root,
} from "../search/index.ts";
import type { ImmutableRef, Pin, Summary } from "../shard/index.ts";
import {
  type DocumentExpression,
  Expressions,
  type FileRef,
  type FilterAnswer,
  Filters,
  runLimits,
  type ScoredId,
  type SearchRows,
  type SqlAnswer,
  type SqlData,
  type SqlHelp,
  SqlPool,
  SqlRoot,
  type WholeDocument,
} from "../sql/index.ts";
import { emptyReceipt, withReceipt } from "../telemetry/index.ts";
import type { ShardFailure, SqlQuery, SqlResponse } from "./api.ts";
import { checkAsOf, within } from "./check-search.ts";
import type { Collection, EngineParts } from "./collection.ts";
import { describeSql } from "./describe.ts";
import type { Reads } from "./reads.ts";
import { setAside } from "./set-aside.ts";
import { wholeDocument } from "./whole-document.ts";

/** Documents of one moment by meaning, by words or both; best first. */
export interface DocumentFinder {
  find(
    collection: Collection,
    moment: Moment,
    kind: "semantic" | "text" | "hybrid",
    query: string | Float32Array,
    limit: number,
  ): Promise<FoundDocuments>;
}

export interface FoundDocuments {
  readonly hits: readonly ScoredId[];
  readonly failed: readonly ShardFailure[];
}

export interface SqlParts {
  readonly parts: EngineParts;
  readonly reads: Reads;
  readonly root: Root;
  readonly columns: FilterColumns;
  /** They need each other: SQL has tables that are searches, and searches filter by SQL. */
  readonly searches: () => DocumentFinder;
}

/** SQL over a collection. */
export class Sql {
  readonly #with: SqlParts;
  readonly #pool: SqlPool;
  readonly #root: SqlRoot;
  readonly #filters: Filters;
  readonly #expressions: Expressions;

  constructor(sqlParts: SqlParts) {
    this.#with = sqlParts;
    const { settings, clock, random, workFolder } = sqlParts.parts;
    const limits = {
      ...runLimits,
      memoryMaxBytes: settings.sqlMemoryMaxBytes,
      gatherMaxBytes: settings.sqlGatherMaxBytes,
      answerMaxRows: settings.sqlAnswerMaxRows,
      answerMaxBytes: settings.sqlAnswerMaxBytes,
      memoryPartMaxBytes: Math.min(runLimits.memoryPartMaxBytes, settings.sqlGatherMaxBytes),
    };
    this.#pool = new SqlPool({
      limits,
      verifiedFolder: join(settings.cachePath, "verified"),
      openShards: settings.openShards,
      spares: Math.min(settings.sqlSpares, settings.sqlProcesses),
      max: settings.sqlProcesses,
      clock,
    });
    const parallel = Math.max(1, Math.min(settings.sqlProcesses, Math.max(1, settings.searchThreads)));
    this.#root = new SqlRoot({ pool: this.#pool, limits, parallel, clock, random, workFolder });
    this.#filters = new Filters({ pool: this.#pool, parallel, clock, cacheMaxBytes: settings.filterCacheMaxBytes });
    this.#expressions = new Expressions({ pool: this.#pool, clock });
  }

  warm(): void {
    this.#pool.warm();
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async run(scope: Scope, query: SqlQuery): Promise<SqlResponse> {
    const { clock, settings } = this.#with.parts;
    const startedMs = clock.monotonicMs();
    const timeoutMs = timeoutOf(query, settings.sqlTimeoutMs);
    const receipt = emptyReceipt();
    const answer = await withReceipt(receipt, () =>
      this.#with.reads.on(scope, async (collection) => await this.#answer(collection, query, timeoutMs)),
    );
    receipt.computeMs += answer.computeMs;
    const tookMs = clock.monotonicMs() - startedMs;
    return describeSql(answer, query.explain ?? false, {
      receipt,
      tookMs,
      remote: settings.storagePath.startsWith("s3://"),
    });
  }

  /** Once more when objects were gone or copies damaged: the newest manifest names what replaced them. */
  async #answer(collection: Collection, query: SqlQuery, timeoutMs: number): Promise<SqlAnswer> {
    const answer = await this.#once(collection, query, query.consistency ?? "strong", timeoutMs);
    if (!answer.failed.some(({ error }) => error.kind === "data")) return answer;
    const failed = new Set(answer.failed.map(({ shard }) => shard));
    const { manifest } = collection.log;
    for (const { file, deletes, ranks } of manifest.shards.filter((shard) => failed.has(shard.id))) {
      const beside = [deletes, ranks].filter((ref) => ref != null);
      for (const ref of [file, ...beside]) await this.#with.parts.localObjects.drop(ref);
    }
    return await this.#once(collection, query, "strong", timeoutMs);
  }

  async #once(
    collection: Collection,
    query: SqlQuery,
    consistency: "strong" | "eventual",
    timeoutMs: number,
  ): Promise<SqlAnswer> {
    const asOf = checkAsOf(query.as_of);
    if (asOf !== undefined) await collection.log.refresh();
    const view = await collection.viewAt(asOf);
    const { sql, params, explain = false } = query;
    using pins = new DisposableStack();
    const help = this.#helpOf(collection, view, consistency, pins);
    return await this.#root.run({ sql, params, timeoutMs, explain }, help);
  }

  /** Files stay where they are until `pins` are released. */
  #helpOf(
    collection: Collection,
    view: CollectionView,
    consistency: "strong" | "eventual",
    pins: DisposableStack,
  ): SqlHelp {
    const { parts, reads, root } = this.#with;
    const { wholeFileBelow, wholeFileAfter, shardTimeoutMs } = parts.settings;
    const pinned = (ref: ImmutableRef, pin: Pin): FileRef => {
      if (pins.disposed) pin.release();
      else pins.use(pin);
      return { ...ref, path: pin.path };
    };
    const file = async (ref: ImmutableRef): Promise<FileRef> => pinned(ref, await parts.localObjects.pin(ref));
    let moment: Moment | undefined;
    return {
      snapshot: async () => {
        await view.refresh(consistency);
        moment = momentOf(view);
        return dataAt(moment);
      },
      file,
      nearFile: async (ref) => {
        if (ref.sizeBytes <= wholeFileBelow || wholeFileAfter === 0) return await file(ref);
        const pin = await parts.localObjects.find(ref);
        return pin === undefined ? undefined : pinned(ref, pin);
      },
      documents: async (ids, shards) => {
        const at = moment ?? momentOf(view);
        const { rows, failed } = await root.documents(at, ids, shards, shardTimeoutMs);
        return { documents: rows.map(wholeDocument), failed };
      },
      embed: async (text) => {
        const [vector] = await reads.embed(collection, [text]);
        if (vector === undefined) throw new MosaicError("internal", "embed text");
        return vector;
      },
      search: async (kind, query, limit) => await this.#find(collection, view, kind, query, limit),
    };
  }

  async #find(
    collection: Collection,
    view: CollectionView,
    kind: "vector_search" | "text_search" | "hybrid_search",
    query: string | Float32Array,
    limit: number,
  ): Promise<SearchRows> {
    const { searches, root } = this.#with;
    const asked = { vector_search: "semantic", text_search: "text", hybrid_search: "hybrid" } as const;
    const { hits, failed } = await root.at(view, "eventual", (moment) =>
      searches().find(collection, moment, asked[kind], query, limit),
    );
    return { rows: hits, failed: failed.map(lostShard) };
  }

  /** Throws for a `where` that is no condition. */
  readWhere(where: string, params: SqlQuery["params"]): DocumentExpression {
    return this.#filters.read({ where, params });
  }

  /** Which rows of a moment fulfil a condition. `ahead`: cells that are worth fetching together with what that needs. */
  async filter(
    collection: Collection,
    moment: Moment,
    condition: DocumentExpression,
    ahead: () => CellsAhead,
    timeoutMs: number,
  ): Promise<FilterAnswer> {
    using pins = new DisposableStack();
    const help: SqlHelp = {
      ...this.#helpOf(collection, moment.view, "eventual", pins),
      columns: async (filter, shards, leftMs) => await this.#with.columns.find(moment, filter, shards, ahead, leftMs),
    };
    return await this.#filters.find(condition, dataAt(moment), help, timeoutMs);
  }

  /** The number that an expression has for each document. */
  async evaluate(
    collection: Collection,
    sql: string,
    documents: readonly WholeDocument[],
    timeoutMs: number,
  ): Promise<readonly (number | null)[]> {
    using pins = new DisposableStack();
    const help = this.#helpOf(collection, collection.view, "eventual", pins);
    return await this.#expressions.evaluate({ sql }, documents, help, timeoutMs);
  }
}

/** Nothing is gained by asking again. */
const lostShard = ({ shard, code, detail }: ShardFailure): SearchRows["failed"][number] => ({
  shard,
  error: { kind: "unavailable", operation: "search", code, detail },
});

function dataAt({ view, snapshot: { scope, targets, manifest }, tail }: Moment): SqlData {
  const ranksOf = new Map(manifest.shards.map(({ id, ranks }) => [id, ranks]));
  const shards = targets.map(({ entry: { id, file, deletes, documents, archived }, excluded }) => {
    const [summary, ranks = null] = [view.summaries.of(id), ranksOf.get(id)];
    return {
      id,
      file,
      deletes,
      ranks,
      documents,
      dead: deletes?.count ?? 0,
      excluded,
      known: ranks === null ? summary : ranked(summary, ranks),
      ...(archived === undefined
        ? {}
        : { unreadable: serializeError(needsRestore({ id, archived }, scope.collection)) }),
    };
  });
  return { shards, tail, aside: manifest.quarantined.map(setAside).map(lostShard) };
}

/** What is known of a shard whose ranks lie beside it. */
const ranked = ({ ids, values }: Summary, { min, max }: RanksRef): Pick<Summary, "ids" | "values"> => ({
  ids,
  values: { ...values, pagerank: { min, max } },
});

function timeoutOf({ timeout_ms: asked }: SqlQuery, most: number): number {
  if (asked !== undefined) within("timeout_ms", asked, 1, 600_000);
  return Math.min(asked ?? most, most);
}

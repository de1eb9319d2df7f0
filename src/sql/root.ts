import { type Clock, formatTimestamp, type Random } from "../base/index.ts";
import type { FailedShard, SqlData, SqlHelp } from "./data.ts";
import { Halves, type HalvesDone } from "./halves.ts";
import { type KnownStatement, KnownStatements } from "./known-statements.ts";
import { columnNames, documentColumns, documentsName } from "./language/documents.ts";
import type { Parameters } from "./language/parameters.ts";
import type { SqlValue } from "./language/values.ts";
import { fixMoment } from "./plan/moment.ts";
import { searchColumns, takeSearches, type WithSearches } from "./plan/searches.ts";
import type { SqlPlan } from "./plan/sql-plan.ts";
import type { RunLimits } from "./process/limits.ts";
import type { BoundValues, GivenTable } from "./process/messages.ts";
import type { SqlPool } from "./process/pool.ts";
import { explainRows, type SqlShardPlan, shardPlans } from "./shard-plans.ts";
import { columnTitles, type Statement } from "./statement.ts";
import { bytesOf } from "./tail-rows.ts";
import { TimedJobs } from "./timed-jobs.ts";

export interface SqlRequest {
  readonly sql: string;
  readonly params?: Parameters | undefined;
  readonly timeoutMs: number;
  /** Whether the answer's plan is to name why each shard was dropped. */
  readonly explain?: boolean;
}

export interface SqlAnswer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
  /** True when the statement was EXPLAIN: nothing ran, and the plan is the answer. */
  readonly explained: boolean;
  readonly plan: SqlPlan;
  readonly shards: readonly SqlShardPlan[];
  readonly tailDocuments: number;
  readonly failed: readonly FailedShard[];
  readonly gatheredRows: number;
  readonly gatheredBytes: number;
  readonly computeMs: number;
}

export interface SqlRootOptions {
  readonly pool: SqlPool;
  readonly limits: RunLimits;
  /** Leaves that run side by side for one query. */
  readonly parallel: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Local folder for what leaves write. */
  readonly workFolder: string;
}

/** Answers a statement: reads it, plans it, has leaves run their half over each shard, and the root the other. */
export class SqlRoot {
  readonly #options: SqlRootOptions;
  readonly #statements = new KnownStatements();

  constructor(options: SqlRootOptions) {
    this.#options = options;
  }

  async run(request: SqlRequest, help: SqlHelp): Promise<SqlAnswer> {
    const statement = this.#statements.read(request.sql, request.params);
    const moment = formatTimestamp(this.#options.clock.now()).padEnd(23, ".000");
    const wanted = takeSearches(fixMoment(statement.select, moment, statement.bindings), statement.bindings);
    const known = this.#statements.of(wanted, statement.bindings);
    return await new Run(this.#options, request, help, statement, wanted, known).answer();
  }
}

/** The columns of documents, for SQLite to check a statement against. */
const documents: GivenTable = {
  name: documentsName,
  columns: columnNames.map((name) => ({ name, type: documentColumns[name] })),
  rows: [],
};

/** One statement on its way. */
class Run {
  readonly #options: SqlRootOptions;
  readonly #request: SqlRequest;
  readonly #help: SqlHelp;
  readonly #statement: Statement;
  readonly #wanted: WithSearches;
  readonly #known: KnownStatement;
  readonly #jobs: TimedJobs;

  constructor(
    options: SqlRootOptions,
    request: SqlRequest,
    help: SqlHelp,
    statement: Statement,
    wanted: WithSearches,
    known: KnownStatement,
  ) {
    this.#options = options;
    this.#request = request;
    this.#help = help;
    this.#statement = statement;
    this.#wanted = wanted;
    this.#known = known;
    this.#jobs = new TimedJobs(options.pool, request.timeoutMs);
  }

  async answer(): Promise<SqlAnswer> {
    // While SQLite looks at a new statement, storage is asked for the newest moment.
    const [seen, snapshot] = await Promise.allSettled([this.#columns(), this.#help.snapshot()]);
    if (seen.status === "rejected") throw seen.reason;
    if (snapshot.status === "rejected") throw snapshot.reason;
    const data = snapshot.value;
    const columns = columnTitles(this.#statement, seen.value);
    if (!this.#statement.explain) return await this.#execute(columns, data);
    const { plan } = this.#known;
    const shards = shardPlans(plan, data, valuesOf(this.#statement.bindings), true);
    const rows = explainRows(plan, shards);
    return { ...this.#described(data, shards), columns: ["part", "detail"], rows, explained: true, ...nothingDone };
  }

  /** Throws what SQLite has against the statement. */
  async #columns(): Promise<readonly string[]> {
    if (this.#known.columns !== undefined) return this.#known.columns;
    const searches = this.#wanted.searches.map(({ name }) => ({ name, columns: searchColumns, rows: [] }));
    const job = { kind: "prepare", sql: this.#known.sql, tables: [documents, ...searches] } as const;
    const { columns } = await this.#jobs.ask(job);
    this.#known.columns = columns;
    return columns;
  }

  async #execute(columns: readonly string[], data: SqlData): Promise<SqlAnswer> {
    const { vectors, searches } = this.#wanted;
    const [embedded, found] = await Promise.all([
      Promise.all(vectors.map(async ({ text, number }) => [number, bytesOf(await this.#help.embed(text))] as const)),
      Promise.all(searches.map(({ kind, query, limit }) => this.#help.search(kind, query, limit))),
    ]);
    const ids = searches.map(({ idsNumber }, at) => [idsNumber, JSON.stringify(found[at]?.rows.map(({ id }) => id))]);
    const bound = [...this.#statement.bindings, ...embedded, ...(ids as [number, string][])];
    const values = valuesOf(bound);
    const shards = shardPlans(this.#known.plan, data, values, this.#request.explain ?? false);
    const tables = searches.map(({ name }, at) => ({
      name,
      columns: searchColumns,
      rows: (found[at]?.rows ?? []).map(({ id, score }) => [id, score]),
    }));
    const done = await this.#halves(data, shards, values, tables);
    const aside = this.#known.plan.leaf === null ? [] : data.aside;
    const failed = onceEach([...found.flatMap((one) => one.failed), ...done.failed, ...aside]);
    return { ...this.#described(data, shards), columns, explained: false, ...done, failed };
  }

  async #halves(
    data: SqlData,
    shards: readonly SqlShardPlan[],
    values: BoundValues,
    tables: readonly GivenTable[],
  ): Promise<HalvesDone> {
    const kept = data.shards.filter((_shard, at) => shards[at]?.kept);
    const halves = new Halves({ ...this.#options, jobs: this.#jobs, help: this.#help, known: this.#known });
    return await halves.run({ data, kept, values, tables });
  }

  #described(data: SqlData, shards: readonly SqlShardPlan[]) {
    return { plan: this.#known.plan, shards, tailDocuments: data.tail.length, computeMs: this.#jobs.spentMs };
  }
}

const nothingDone = { failed: [], gatheredRows: 0, gatheredBytes: 0 };

const valuesOf = (bindings: Iterable<readonly [number, SqlValue]>): BoundValues =>
  Object.fromEntries([...bindings].map(([number, value]) => [`p${number}`, value]));

const onceEach = (failed: readonly FailedShard[]): readonly FailedShard[] => [
  ...new Map(failed.map((one) => [one.shard, one])).values(),
];

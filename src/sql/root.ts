import type { Clock, Random } from "../base/index.ts";
import { formatTimestamp, type SerializedError } from "../base/index.ts";
import type { SqlData, SqlHelp, SqlShard } from "./data.ts";
import { columnNames, documentColumns, documentsName } from "./language/documents.ts";
import { timedOut } from "./language/errors.ts";
import type { Parameters } from "./language/parameters.ts";
import { print, printSelect } from "./language/print.ts";
import type { SqlValue } from "./language/values.ts";
import { PartFolder } from "./part-folder.ts";
import { fixMoment } from "./plan/moment.ts";
import { planQuery } from "./plan/plan.ts";
import { searchColumns, takeSearches, type WithSearches } from "./plan/searches.ts";
import type { LeafPlan, SqlPlan } from "./plan/sql-plan.ts";
import type { RunLimits } from "./process/limits.ts";
import type { BoundValues, FinalReply, GivenTable, Job, JobOf, Replies, Unit } from "./process/messages.ts";
import type { SqlPool } from "./process/pool.ts";
import { mayMatch } from "./prune/prune.ts";
import { columnTitles, readStatement, type Statement } from "./statement.ts";
import { bytesOf, tailRows } from "./tail-rows.ts";
import { divided, unitOf } from "./units.ts";

export interface SqlRequest {
  readonly sql: string;
  readonly params?: Parameters | undefined;
  readonly timeoutMs: number;
}

export interface SqlShardPlan {
  readonly shard: string;
  readonly kept: boolean;
  readonly reason: string;
  readonly documents: number;
}

export interface SqlAnswer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
  /** True when the statement was EXPLAIN: nothing ran, and the plan is the answer. */
  readonly explained: boolean;
  readonly plan: SqlPlan;
  readonly shards: readonly SqlShardPlan[];
  readonly tailDocuments: number;
  readonly failed: readonly { readonly shard: string; readonly error: SerializedError }[];
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

  constructor(options: SqlRootOptions) {
    this.#options = options;
  }

  async run(request: SqlRequest, help: SqlHelp): Promise<SqlAnswer> {
    return await new Run(this.#options, request, help).answer();
  }
}

/** The columns of documents, for SQLite to check a statement against. */
const documents: GivenTable = {
  name: documentsName,
  columns: columnNames.map((name) => ({ name, type: documentColumns[name] })),
  rows: [],
};

type Failure = SqlAnswer["failed"][number];

/** One statement on its way. */
class Run {
  readonly #options: SqlRootOptions;
  readonly #request: SqlRequest;
  readonly #help: SqlHelp;
  #spentMs = 0;

  constructor(options: SqlRootOptions, request: SqlRequest, help: SqlHelp) {
    this.#options = options;
    this.#request = request;
    this.#help = help;
  }

  async answer(): Promise<SqlAnswer> {
    const statement = readStatement(this.#request.sql, this.#request.params);
    const moment = formatTimestamp(this.#options.clock.now()).padEnd(23, ".000");
    const select = fixMoment(statement.select, moment, statement.bindings);
    const wanted = takeSearches(select, statement.bindings);
    const data = await this.#help.snapshot();
    const tables = wanted.searches.map(({ name }) => ({ name, columns: searchColumns, rows: [] }));
    const { columns } = await this.#ask({
      kind: "prepare",
      sql: printSelect(wanted.select),
      tables: [documents, ...tables],
    });
    const titles = columnTitles(statement, columns);
    const plan = planQuery(wanted.select, statement.bindings, wanted.searches);
    if (statement.explain) return explained(plan, this.#shardPlans(plan, data, valuesOf(statement.bindings)), data);
    return await this.#execute(statement, wanted, plan, data, titles);
  }

  async #execute(
    { bindings }: Statement,
    wanted: WithSearches,
    plan: SqlPlan,
    data: SqlData,
    titles: readonly string[],
  ): Promise<SqlAnswer> {
    const vectors = await Promise.all(
      wanted.vectors.map(async ({ text, number }) => [number, bytesOf(await this.#help.embed(text))] as const),
    );
    const tables = await this.#searchTables(wanted);
    const found = wanted.searches.map(({ idsNumber }, at) => [idsNumber, idsIn(tables[at])] as const);
    const values = valuesOf([...bindings, ...vectors, ...found]);
    const parts = new PartFolder(this.#options.workFolder, this.#options.random);
    try {
      const shards = this.#shardPlans(plan, data, values);
      const kept = data.shards.filter((_shard, at) => shards[at]?.kept);
      const leaf = plan.leaf === null ? noLeaves : await this.#leaves(plan.leaf, kept, data, values, parts);
      const final = await this.#final(plan, leaf.paths, tables, values);
      const { rows, bytes, failed } = leaf;
      return {
        columns: titles,
        rows: final.rows,
        explained: false,
        plan,
        shards,
        tailDocuments: data.tail.length,
        failed,
        gatheredRows: rows,
        gatheredBytes: bytes,
        computeMs: this.#spentMs,
      };
    } finally {
      await parts.remove();
    }
  }

  async #searchTables({ searches }: WithSearches): Promise<readonly GivenTable[]> {
    return await Promise.all(
      searches.map(async ({ kind, query, limit, name }) => {
        const found = await this.#help.search(kind, query, limit);
        return { name, columns: searchColumns, rows: found.map(({ id, score }) => [id, score]) };
      }),
    );
  }

  #shardPlans({ leaf }: SqlPlan, { shards }: SqlData, values: BoundValues): readonly SqlShardPlan[] {
    return shards.map(({ id: shard, documents, known }) => {
      if (leaf === null) return { shard, documents, kept: false, reason: "no document is read" };
      if (leaf.condition === undefined) return { shard, documents, kept: true, reason: "all" };
      const kept = mayMatch(leaf.condition, known, values);
      const excluding = kept ? undefined : leaf.conjuncts.find((conjunct) => !mayMatch(conjunct, known, values));
      const reason = kept
        ? "may match"
        : `no row fulfils ${excluding === undefined ? "the condition" : print(excluding)}`;
      return { shard, documents, kept, reason };
    });
  }

  async #leaves(
    leaf: LeafPlan,
    shards: readonly SqlShard[],
    { tail }: SqlData,
    values: BoundValues,
    parts: PartFolder,
  ): Promise<Leaves> {
    const { limits, parallel } = this.#options;
    const fetched = await Promise.all(shards.map((shard) => unitOf(shard, this.#help)));
    const lost = fetched.filter((found) => "error" in found);
    const units = fetched.filter((found) => "kind" in found);
    const groups = divided(units, shards, parallel);
    if (tail.length > 0 || groups.length === 0)
      (groups[0] ?? newGroup(groups)).push({ kind: "rows", rows: tailRows(tail, leaf.columns) });
    const common = { sql: leaf.sql, values, part: leaf.part, maxRows: limits.gatherMaxRows };
    const maxBytes = Math.floor(limits.gatherMaxBytes / groups.length);
    const paths = await Promise.all(groups.map(() => parts.next()));
    const outcomes = await this.#askAll(
      groups.map(
        (group, at) => ({ kind: "leaf", units: group, path: paths[at] as string, maxBytes, ...common }) as const,
      ),
    );
    return {
      paths,
      rows: outcomes.reduce((sum, { rows }) => sum + rows, 0),
      bytes: outcomes.reduce((sum, { bytes }) => sum + bytes, 0),
      failed: [...lost, ...outcomes.flatMap(({ failed }) => failed)],
    };
  }

  async #final(
    { rootSql, leaf }: SqlPlan,
    paths: readonly string[],
    tables: readonly GivenTable[],
    values: BoundValues,
  ): Promise<FinalReply> {
    const { answerMaxRows, answerMaxBytes } = this.#options.limits;
    const limits = { maxRows: answerMaxRows, maxBytes: answerMaxBytes };
    return await this.#ask({ kind: "final", part: leaf?.part ?? null, paths, tables, sql: rootSql, values, ...limits });
  }

  async #ask<Kind extends Job["kind"]>(job: JobOf<Kind>): Promise<Replies[Kind]> {
    const [reply] = await this.#askAll([job]);
    return reply as Replies[Kind];
  }

  /** Jobs side by side. What they take comes off the statement's time; waiting for a process does not. */
  async #askAll<Kind extends Job["kind"]>(jobs: readonly JobOf<Kind>[]): Promise<readonly Replies[Kind][]> {
    const { pool } = this.#options;
    const { timeoutMs } = this.#request;
    const leftMs = timeoutMs - this.#spentMs;
    if (leftMs <= 0) throw timedOut(timeoutMs);
    const done = await Promise.all(jobs.map((job) => pool.run(job, { leftMs, timeoutMs })));
    this.#spentMs += Math.max(...done.map(({ tookMs }) => tookMs));
    return done.map(({ reply }) => reply);
  }
}

const valuesOf = (bindings: Iterable<readonly [number, SqlValue]>): BoundValues =>
  Object.fromEntries([...bindings].map(([number, value]) => [`p${number}`, value]));

interface Leaves {
  readonly paths: readonly string[];
  readonly rows: number;
  readonly bytes: number;
  readonly failed: readonly Failure[];
}

const noLeaves: Leaves = { paths: [], rows: 0, bytes: 0, failed: [] };

const idsIn = (table: GivenTable | undefined): string => JSON.stringify(table?.rows.map(([id]) => id) ?? []);

function newGroup(groups: Unit[][]): Unit[] {
  const group: Unit[] = [];
  groups.push(group);
  return group;
}

/** EXPLAIN: the plan as rows. */
function explained(plan: SqlPlan, shards: readonly SqlShardPlan[], { tail }: SqlData): SqlAnswer {
  const { strategy, leaf, rootSql } = plan;
  const rows: [string, string][] = [["strategy", strategy]];
  if (leaf !== null) {
    rows.push(["leaf", leaf.sql], ["columns", leaf.columns.join(", ")]);
    for (const conjunct of leaf.pushed) rows.push(["pushed", conjunct]);
  }
  rows.push(["root", rootSql]);
  for (const { shard, kept, reason, documents } of shards) {
    rows.push([`shard ${shard}`, `${kept ? "kept" : "dropped"} (${reason}), ${documents} documents`]);
  }
  const nothing = { failed: [], gatheredRows: 0, gatheredBytes: 0, computeMs: 0 };
  return { columns: ["part", "detail"], rows, explained: true, plan, shards, tailDocuments: tail.length, ...nothing };
}

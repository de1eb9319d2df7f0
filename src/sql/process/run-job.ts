import { isMosaicError, serializeError } from "../../base/index.ts";
import { tooLarge } from "../language/errors.ts";
import { quoteName } from "../language/print.ts";
import type { SqlValue } from "../language/values.ts";
import { Connection } from "./connection.ts";
import { failureOf } from "./failure.ts";
import type { RunLimits } from "./limits.ts";
import type {
  FilterJob,
  FilterReply,
  FinalJob,
  FinalReply,
  GivenTable,
  Job,
  LeafJob,
  LeafOutcome,
  PartTable,
  PrepareJob,
  PrepareReply,
  Replies,
  ValuesJob,
  ValuesReply,
} from "./messages.ts";
import { fileUri, type OpenUnits, unitReads } from "./open-units.ts";

const pageBytes = 4096;

export interface JobContext {
  readonly units: OpenUnits;
  readonly limits: RunLimits;
}

/** Does one job; synchronous, and only in a process that may be killed. Throws errors for who sent the statement. */
export function runJob(job: Job, context: JobContext): Replies[keyof Replies] {
  try {
    switch (job.kind) {
      case "prepare":
        return prepare(job, context);
      case "leaf":
        return leaf(job, context);
      case "final":
        return final(job, context);
      case "filter":
        return filter(job, context);
      case "values":
        return values(job, context);
    }
  } catch (error) {
    throw failureOf(error);
  }
}

function prepare({ sql, tables }: PrepareJob, { limits }: JobContext): PrepareReply {
  return onRoot(limits, (connection) => {
    const reads = giveTables(connection, tables);
    const statement = connection.guarded({ reads, writes: new Set() }, () => connection.db.prepare(sql));
    return { columns: statement.columns().map(({ name }) => name) };
  });
}

function onRoot<T>(limits: RunLimits, task: (connection: Connection) => T): T {
  const connection = new Connection(limits);
  try {
    return task(connection);
  } finally {
    connection.close();
  }
}

const declared = (columns: PartTable["columns"]): string =>
  columns.map(({ name, type }) => `${quoteName(name)} ${type}`).join(", ");

function giveTables({ db }: Connection, tables: readonly GivenTable[]): Set<string> {
  for (const { name, columns, rows } of tables) {
    db.exec(`CREATE TEMP TABLE ${quoteName(name)}(${declared(columns)})`);
    if (rows.length === 0) continue;
    const insert = db.prepare(`INSERT INTO temp.${quoteName(name)} VALUES (${columns.map(() => "?").join(", ")})`);
    for (const row of rows) insert.run(...row);
  }
  return new Set(tables.map(({ name }) => `temp.${name}`));
}

function leaf(job: LeafJob, { units }: JobContext): LeafOutcome {
  let rows = 0;
  let bytes = 0;
  const failed: { shard: string; error: ReturnType<typeof serializeError> }[] = [];
  for (const unit of job.units) {
    try {
      const added = units.use(unit, (connection) => writePart(job, connection));
      rows += added.rows;
      bytes = added.bytes;
    } catch (cause) {
      const error = failureOf(cause);
      if (unit.kind !== "shard" || !isMosaicError(error, "data")) throw error;
      failed.push({ shard: unit.shard, error: serializeError(error) });
    }
    if (rows > job.maxRows) throw tooLarge(`The query gathers more than ${job.maxRows} rows; filter more.`);
  }
  return { rows, bytes, failed };
}

function writePart(job: LeafJob, connection: Connection): { rows: number; bytes: number } {
  const { db } = connection;
  const { part, path, maxBytes } = job;
  const table = quoteName(part.name);
  db.exec(`ATTACH ${fileUri(path, "mode=rwc")} AS part`);
  try {
    db.exec("PRAGMA part.journal_mode = OFF; PRAGMA part.synchronous = OFF; PRAGMA part.locking_mode = EXCLUSIVE");
    db.exec(`PRAGMA part.max_page_count = ${Math.max(8, Math.ceil(maxBytes / pageBytes))}`);
    db.exec(`CREATE TABLE IF NOT EXISTS part.${table}(${declared(part.columns)})`);
    const statement = connection.guarded({ reads: unitReads, writes: new Set([`part.${part.name}`]) }, () =>
      db.prepare(`INSERT INTO part.${table} ${job.sql}`),
    );
    statement.setAllowUnknownNamedParameters(true);
    const { changes } = statement.run(job.values);
    const [{ page_count: pages }] = db.prepare("PRAGMA part.page_count").all() as [{ page_count: number }];
    return { rows: Number(changes), bytes: pages * pageBytes };
  } finally {
    db.exec("DETACH part");
  }
}

function final(job: FinalJob, { limits }: JobContext): FinalReply {
  return onRoot(limits, (connection) => {
    const { db } = connection;
    const reads = giveTables(connection, job.tables);
    for (const schema of attachParts(connection, job)) if (job.part !== null) reads.add(`${schema}.${job.part.name}`);
    const statement = connection.guarded({ reads, writes: new Set() }, () => db.prepare(job.sql));
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    statement.setAllowUnknownNamedParameters(true);
    const rows = collect(statement.iterate(job.values) as Iterable<unknown> as Iterable<SqlValue[]>, job);
    return { columns: statement.columns().map(({ name }) => name), rows };
  });
}

/** The parts of all leaves under one name. */
function attachParts({ db }: Connection, { part, paths }: FinalJob): readonly string[] {
  if (part === null) return [];
  const schemas = paths.map((_path, at) => `part${at}`);
  paths.forEach((path, at) => db.exec(`ATTACH ${fileUri(path, "mode=ro&immutable=1")} AS part${at}`));
  if (schemas.length === 1) return schemas;
  const table = quoteName(part.name);
  db.exec(`CREATE TEMP TABLE ${table}(${declared(part.columns)})`);
  for (const schema of schemas) db.exec(`INSERT INTO temp.${table} SELECT * FROM ${schema}.${table}`);
  return ["temp"];
}

function collect(found: Iterable<SqlValue[]>, { maxRows, maxBytes }: FinalJob): SqlValue[][] {
  const rows: SqlValue[][] = [];
  let bytes = 0;
  for (const row of found) {
    for (const value of row) bytes += sizeOf(value);
    if (rows.length === maxRows) throw tooLarge(`The answer has more than ${maxRows} rows; add a LIMIT.`);
    if (bytes > maxBytes) throw tooLarge(`The answer is larger than ${maxBytes} bytes; select less.`);
    rows.push(row);
  }
  return rows;
}

function filter({ units: all, condition, values: bound }: FilterJob, { units }: JobContext): FilterReply {
  const found: { shard: string | null; bits: Uint8Array }[] = [];
  const failed: { shard: string; error: ReturnType<typeof serializeError> }[] = [];
  for (const unit of all) {
    try {
      const bits = units.useFile(unit, (connection, table) => matching(connection, table, condition, bound));
      found.push({ shard: unit.kind === "shard" ? unit.shard : null, bits });
    } catch (cause) {
      const error = failureOf(cause);
      if (unit.kind !== "shard" || !isMosaicError(error, "data")) throw error;
      failed.push({ shard: unit.shard, error: serializeError(error) });
    }
  }
  return { found, failed };
}

/** One JSON text of all row numbers crosses into JavaScript many times faster than as many rows. */
function matching(connection: Connection, table: string, condition: string, bound: FilterJob["values"]): Uint8Array {
  const statement = connection.guarded({ reads: unitReads, writes: new Set() }, () =>
    connection.db.prepare(
      `SELECT json_group_array(rowid) AS rows, max(rowid) AS last FROM ${table} WHERE ${condition}`,
    ),
  );
  statement.setAllowUnknownNamedParameters(true);
  const { rows, last } = statement.get(bound) as { rows: string; last: number | null };
  const bits = new Uint8Array(Math.ceil((last ?? 0) / 8));
  for (const rowid of JSON.parse(rows) as readonly number[]) {
    const row = rowid - 1;
    bits[row >>> 3] = (bits[row >>> 3] as number) | (1 << (row & 7));
  }
  return bits;
}

function values({ rows, expression, values: bound }: ValuesJob, { units }: JobContext): ValuesReply {
  return units.useFile(rows, (connection, table) => {
    const statement = connection.guarded({ reads: unitReads, writes: new Set() }, () =>
      connection.db.prepare(`SELECT ${expression} AS value FROM ${table} ORDER BY rowid`),
    );
    statement.setAllowUnknownNamedParameters(true);
    statement.setReadBigInts(true);
    const found = statement.all(bound) as { value: SqlValue }[];
    return { values: found.map(({ value }) => numberOf(value)) };
  });
}

function numberOf(value: SqlValue): number | null {
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}

const sizeOf = (value: SqlValue): number =>
  typeof value === "string" ? value.length : value instanceof Uint8Array ? value.length : 8;

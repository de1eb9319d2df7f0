import type { SqlValue } from "../language/values.ts";
import type { Connection } from "./connection.ts";
import { failureOf } from "./failure.ts";
import { lostShard } from "./leaf.ts";
import type { FilterJob, FilterReply, Job, LeafOutcome, Replies, ValuesJob, ValuesReply } from "./messages.ts";
import { type OpenUnits, unitReads } from "./open-units.ts";
import type { RootHalf } from "./root-half.ts";

export interface JobContext {
  readonly units: OpenUnits;
  readonly root: RootHalf;
}

/** Does one job; synchronous, and only in a process that may be killed. Throws errors for who sent the statement. */
export function runJob(job: Job, { units, root }: JobContext): Replies[keyof Replies] {
  try {
    switch (job.kind) {
      case "prepare":
        return root.prepare(job);
      case "whole":
        return root.whole(job);
      case "leaf":
        return root.leaf(job);
      case "final":
        return root.final(job.work, job.paths);
      case "filter":
        return filter(job, units);
      case "values":
        return values(job, units);
    }
  } catch (error) {
    throw failureOf(error);
  }
}

function filter({ units: all, condition, values: bound }: FilterJob, units: OpenUnits): FilterReply {
  const found: { shard: string | null; bits: Uint8Array }[] = [];
  const failed: LeafOutcome["failed"][number][] = [];
  for (const unit of all) {
    try {
      const bits = units.useFile(unit, (connection, table) => matching(connection, table, condition, bound));
      found.push({ shard: unit.kind === "shard" ? unit.shard : null, bits });
    } catch (cause) {
      failed.push(lostShard(unit, cause));
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

function values({ rows, expression, values: bound }: ValuesJob, units: OpenUnits): ValuesReply {
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

import fc from "fast-check";
import { isMosaicError } from "../../../src/base/index.ts";
import { documentArbitrary, statement } from "./queries.ts";
import { ask, makeWorld, type Row, type World, type WorldSpec } from "./world.ts";

/** Documents of shards of several sizes, one of a single document, one with no live row; deletes, updates, a tail. */
function worldOf(sample: number): WorldSpec {
  const documents = rowsOf(
    Array.from({ length: 40 }, (_, at) => `d${at}`),
    sample,
  );
  return {
    shards: [documents.slice(0, 18), documents.slice(18, 35), documents.slice(35, 36), documents.slice(36)],
    dead: [["d0", "d5"], [], [], documents.slice(36).map(({ id }) => id)],
    // Some shards with ranks beside them, others with ranks merged.
    ranked: [true, false, true, sample % 2 === 0],
    tail: rowsOf(["d2", "d20", "new"], sample + 1),
    tailDeletes: ["d21", "d3"],
  };
}

const rowsOf = (ids: readonly string[], seed: number): readonly Row[] =>
  fc.sample(fc.tuple(...ids.map(documentArbitrary)), { seed, numRuns: 1 })[0] as readonly Row[];

/** Order of ties aside, and sums of reals to the last bits, which depend on the order of rows. */
const rounded = (value: unknown): unknown =>
  typeof value === "number"
    ? Number(value.toPrecision(12))
    : value instanceof Uint8Array
      ? Buffer.from(value).toString("hex")
      : value;
const keyOf = (row: readonly unknown[]): string =>
  row.map((value) => `${typeof value}:${String(rounded(value))}`).join("|");
/** 1 and 1.0 are one group, one DISTINCT value, one minimum: which of them stands for both is not said. */
const loose = (row: readonly unknown[]): string =>
  row
    .map((value) =>
      typeof value === "bigint" || typeof value === "number" ? `n:${rounded(Number(value))}` : keyOf([value]),
    )
    .join("|");

interface Outcome {
  readonly rows?: readonly (readonly unknown[])[];
  readonly error?: string;
}

async function mine(world: World, sql: string): Promise<Outcome> {
  try {
    return { rows: (await world.root.run({ sql, timeoutMs: 60_000 }, world.help)).rows };
  } catch (error) {
    if (!isMosaicError(error, "invalid", "too_large")) throw error;
    return { error: error.detail };
  }
}

function theirs(world: World, sql: string): Outcome {
  try {
    return { rows: ask(world.reference, sql).rows };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** Lines that are to be the same: in order where the statement's order is total, sorted where it leaves ties. */
function linesOf(sql: string, rows: Outcome["rows"] = []): readonly string[] {
  const lines = rows.map(/GROUP BY|DISTINCT|min\(|max\(/i.test(sql) ? loose : keyOf);
  return / id LIMIT /.test(sql) ? lines : lines.sort();
}

/** What is different between the answer over many files and that of one file; undefined when nothing is. */
async function differenceOf(sql: string, world: World): Promise<string | undefined> {
  const [found, expected] = [await mine(world, sql), theirs(world, sql)];
  // Which rows an expression that fails meets depends on what is checked first, and SQLite promises no order.
  if ((found.error ?? expected.error)?.includes("malformed JSON")) return undefined;
  if ((found.error === undefined) !== (expected.error === undefined)) {
    return `${sql}\n  ${found.error ?? "answered"}\n  one file: ${expected.error ?? "answered"}`;
  }
  const [ours, others] = [linesOf(sql, found.rows), linesOf(sql, expected.rows)].map((lines) => lines.join("\n  "));
  return ours === others ? undefined : `${sql}\n  ${ours}\none file:\n  ${others}`;
}

export interface DifferentialOptions {
  readonly seed: number;
  readonly runs: number;
  readonly onDone?: (done: number) => void;
}

/** Runs random statements over several worlds and beside each over one file; returns the first few differences. */
export async function differential({ seed, runs, onDone }: DifferentialOptions): Promise<readonly string[]> {
  const worlds = await Promise.all([7, 8, 9].map((sample) => makeWorld(worldOf(sample + seed))));
  const statements = fc.sample(statement, { seed, numRuns: runs });
  const differences: string[] = [];
  let done = 0;
  const lane = async (world: World, first: number): Promise<void> => {
    for (let at = first; at < statements.length && differences.length < mostShown; at += worlds.length) {
      const difference = await differenceOf(statements[at] as string, world);
      if (difference !== undefined) differences.push(difference);
      onDone?.(++done);
    }
  };
  try {
    await Promise.all(worlds.map(lane));
  } finally {
    await Promise.all(worlds.map((world) => world.close()));
  }
  return differences;
}

const mostShown = 5;

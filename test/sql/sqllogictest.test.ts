import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { isMosaicError, packageRoot } from "../../src/base/index.ts";
import { makeWorld, row, type World } from "./support/world.ts";

/** SQLite's own scripts, https://sqlite.org/sqllogictest: a folder of `.test.gz`. */
const folder = process.env["SQLLOGICTEST"] ?? join(packageRoot, "..", "shared", "data", "sqllogictest");
/** Every so many queries; 1, as in `npm run test:sql`, runs all of them. */
const stride = Number(process.env["SQL_STRIDE"] ?? 400);

/** Queries at once. */
const lanes = 3;

interface Script {
  readonly setup: readonly string[];
  readonly queries: readonly string[];
  readonly mixed: boolean;
}

/** Records are separated by blank lines; `skipif`, `onlyif` and `halt` speak of other databases. */
function read(path: string): Script {
  const setup: string[] = [];
  const queries: string[] = [];
  let mixed = false;
  for (const record of gunzipSync(readFileSync(path))
    .toString()
    .split(/\r?\n\r?\n/)) {
    const lines = record.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#"));
    if (lines.includes("onlyif sqlite")) lines.splice(lines.indexOf("onlyif sqlite"), 1);
    const isOthers = lines.some((line) => line === "skipif sqlite" || line.startsWith("onlyif "));
    const at = lines.findIndex((line) => /^(statement ok|query )/.test(line));
    if (isOthers || at < 0) continue;
    const end = lines.indexOf("----");
    const sql = lines.slice(at + 1, end === -1 ? undefined : end).join("\n");
    if (lines[at]?.startsWith("query ")) queries.push(sql);
    else {
      mixed ||= queries.length > 0 && !/^CREATE (UNIQUE )?INDEX/i.test(sql);
      setup.push(sql);
    }
  }
  return { setup, queries, mixed };
}

interface Column {
  readonly name: string;
  readonly type: string;
}

const castOf = (type: string): string => (/INT/i.test(type) ? "INTEGER" : /CHAR|TEXT/i.test(type) ? "TEXT" : "REAL");

/** A row is a document whose metadata has the columns; a query runs over CTEs that give the tables back. */
async function open(
  script: Script,
): Promise<{ world: World; tables: Database.Database; ctes: ReadonlyMap<string, string> }> {
  const tables = new Database(":memory:");
  for (const sql of script.setup) tables.exec(sql);
  const names = tables.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all() as string[];
  const ctes = new Map<string, string>();
  const documents = names.flatMap((name) => {
    const columns = tables.pragma(`table_info("${name}")`) as Column[];
    const back = columns.map(
      (column) => `CAST(metadata->>'${column.name}' AS ${castOf(column.type)}) AS "${column.name}"`,
    );
    ctes.set(
      name,
      `"${name}" AS MATERIALIZED (SELECT ${back.join(", ")} FROM documents WHERE metadata->>'table' = '${name}')`,
    );
    return (tables.prepare(`SELECT * FROM "${name}"`).all() as Record<string, unknown>[]).map((found, at) =>
      row(`${name}/${at}`, { metadata: JSON.stringify({ table: name, ...found }) }),
    );
  });
  const third = Math.ceil(documents.length / 3);
  const world = await makeWorld({
    shards: [documents.slice(0, third), documents.slice(third, 2 * third)],
    tail: documents.slice(2 * third),
  });
  return { world, tables, ctes };
}

const canonical = (rows: readonly (readonly unknown[])[]): readonly string[] =>
  rows
    .map((found) => found.map((value) => (typeof value === "number" ? value.toPrecision(12) : String(value))).join("|"))
    .sort();

/** Undefined for what SQLite itself refuses. */
function answerOf(tables: Database.Database, sql: string): readonly string[] | undefined {
  try {
    return canonical(tables.prepare(sql).safeIntegers(true).raw(true).all() as unknown[][]);
  } catch {
    return undefined;
  }
}

async function answer(world: World, sql: string): Promise<readonly string[] | string> {
  try {
    return canonical((await world.root.run({ sql, timeoutMs: 120_000 }, world.help)).rows);
  } catch (error) {
    if (!isMosaicError(error)) throw error;
    return `${error.code}: ${error.detail}`;
  }
}

describe.skipIf(!existsSync(folder))("SQLite's own scripts, from the folder SQLLOGICTEST", () => {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".test.gz")) : [];

  test.each(files)("%s", { timeout: 3_600_000 }, async (name) => {
    const script = read(join(folder, name));
    const { world, tables, ctes } = await open(script);
    const count = { ran: 0, passed: 0, refusedBySqlite: 0 };
    const refused = new Map<string, number>();
    const wrong: string[] = [];
    const compare = async (sql: string): Promise<void> => {
      const expected = answerOf(tables, sql);
      if (expected === undefined) {
        count.refusedBySqlite++;
        return;
      }
      const used = [...ctes].filter(([table]) => new RegExp(`\\b${table}\\b`).test(sql)).map(([, cte]) => cte);
      const found = await answer(world, used.length === 0 ? sql : `WITH ${used.join(", ")} ${sql}`);
      count.ran++;
      if (JSON.stringify(found) === JSON.stringify(expected)) count.passed++;
      else wrong.push(`${sql}\n  ${String(found).slice(0, 200)}\n  ${String(expected).slice(0, 200)}`);
      if (typeof found === "string") refused.set(found, (refused.get(found) ?? 0) + 1);
    };
    const chosen = script.queries.filter((_sql, at) => at % stride === 0);
    const lane = async (first: number): Promise<void> => {
      for (let at = first; at < chosen.length; at += lanes) await compare(chosen[at] as string);
    };
    try {
      expect(script.mixed).toBe(false);
      await Promise.all(Array.from({ length: lanes }, (_, first) => lane(first)));
    } finally {
      tables.close();
      await world.close();
    }
    if (stride === 1) console.log(name, { ...count, refused: [...refused] });
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(count.passed).toBe(count.ran);
  });
});

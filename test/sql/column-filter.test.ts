import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildShards, ColumnSet, decodeSummary, Kernel, ShardFile, type StoredColumn } from "../../src/shard/index.ts";
import { columnFilter } from "../../src/sql/column-filter.ts";
import { readExpression } from "../../src/sql/condition.ts";
import { Conditions } from "../../src/sql/conditions.ts";
import type { SqlValue } from "../../src/sql/language/values.ts";
import type { BoundValues } from "../../src/sql/process/messages.ts";
import { tailMatches } from "../../src/sql/tail-filter.ts";
import { type Row, row } from "./support/world.ts";

const seed = Number(process.env["SQL_SEED"] ?? 11);
const moment = "2024-01-01 00:00:00.000";

/** Values of every type, and those that are near each other in some order: cases, prefixes, numbers as texts, beyond 2^53. */
const values: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    1,
    -1,
    1.5,
    -0.25,
    2,
    10,
    1e10,
    1e21,
    2 ** 53,
    2 ** 53 + 2,
    -(2 ** 60),
    0.1,
    1e-7,
    123456.789,
  ],
  ...["", "a", "A", "aa", "Ab", "aB", "b", "é", "É", "10", "1.5", "01", "z", "Z", "[", "a%b", "a_b"],
  ...["\ue000", "\u{1f600}", "\uffff", "ab ", "2024-01-02", "null", "true"],
];
const opens: readonly unknown[] = [
  [],
  [1, 2],
  { a: 1 },
  ["a"],
  "\ud800",
  "x\ufffdy",
  "\u0000",
  "a\u0000b",
  "l".repeat(300),
];

const literal = (value: SqlValue): string => {
  if (value === null) return "NULL";
  if (typeof value === "string") return value.includes("\0") ? `'nul'` : `'${value.replaceAll("'", "''")}'`;
  return String(value);
};

const constant = fc.oneof(
  fc.constantFrom(...values.filter((value) => typeof value !== "boolean").map((value) => literal(value as SqlValue))),
  fc.constantFrom(
    "TRUE",
    "FALSE",
    "x'61'",
    "x''",
    "-1",
    "- 1.5",
    "-(2)",
    "9007199254740993",
    "9223372036854775807",
    "1e3",
    ".5",
  ),
  fc.constantFrom(
    "'2024-01-02 00:00:00'",
    "'2024-01'",
    "2024",
    "'3'",
    "3",
    "9223372036854775808",
    "0.30000000000000004",
  ),
);
const column = fc.constantFrom(
  "metadata->>'k'",
  "metadata->>'$.k'",
  "json_extract(metadata, '$.k')",
  "(metadata->>'n')",
  "metadata->>'open'",
  "metadata->>'many'",
  "metadata->>'nothing'",
  "created_at",
  "updated_at",
  "word_count",
);
const comparison = fc.constantFrom("=", "==", "<>", "!=", "<", "<=", ">", ">=", "IS", "IS NOT", "IS DISTINCT FROM");
const prefix = fc.constantFrom(
  "'a%'",
  "'A%'",
  "'aB%'",
  "'é%'",
  "'2024%'",
  "'1%'",
  "'%'",
  "'a'",
  "'a_%'",
  "'a%b'",
  "'z%'",
  "NULL",
);

const condition: fc.Arbitrary<string> = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { depthSize: "small" },
    fc.tuple(column, comparison, constant).map((parts) => parts.join(" ")),
    fc.tuple(constant, comparison, column).map((parts) => parts.join(" ")),
    fc
      .tuple(column, fc.boolean(), constant, constant)
      .map(([c, not, a, b]) => `${c} ${not ? "NOT " : ""}BETWEEN ${a} AND ${b}`),
    fc
      .tuple(column, fc.boolean(), fc.array(constant, { maxLength: 14 }))
      .map(([c, not, list]) => `${c} ${not ? "NOT " : ""}IN (${list.join(", ")})`),
    fc.tuple(column, fc.constantFrom("ISNULL", "IS NULL", "NOT NULL", "IS NOT NULL")).map((parts) => parts.join(" ")),
    fc.tuple(column, fc.boolean(), prefix).map(([c, not, p]) => `${c} ${not ? "NOT " : ""}LIKE ${p}`),
    fc
      .tuple(tie("condition"), fc.constantFrom("AND", "OR"), tie("condition"))
      .map(([a, op, b]) => `(${a}) ${op} (${b})`),
    tie("condition").map((inner) => `NOT (${inner})`),
  ),
})).condition;

const count = 700;
const next = fc.sample(fc.record({ k: fc.nat(), n: fc.nat(), open: fc.nat(), missing: fc.nat(), day: fc.nat() }), {
  seed,
  numRuns: count,
});
const rows = next.map(({ k, n, open, missing, day }, at): Row => {
  const metadata: Record<string, unknown> = {
    k: values[k % values.length],
    n: (n % 9) - 4,
    many: `${at % 400} of many`,
  };
  if (missing % 5 === 0) delete metadata["k"];
  if (missing % 7 === 0) metadata["n"] = null;
  metadata["open"] = open % 11 === 0 ? opens[open % opens.length] : values[open % values.length];
  return row(`d${at}`, {
    text: "word ".repeat(at % 5),
    metadata: JSON.stringify(metadata),
    createdAt: `2024-01-0${1 + (day % 4)} 00:00:00`,
    updatedAt: `2024-02-0${1 + (at % 3)} 00:00:00.${100 + (at % 300)}`,
  });
});

describe("rows found by columns of codes", () => {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-columns-"));
  const columns = new ColumnSet(1 << 24);
  let reference: Database.Database;
  let names: readonly string[];
  let ids: readonly string[];
  let large: StoredColumn;

  beforeAll(() => {
    const input = {
      folder,
      nextShardId: () => "one",
      dimensions: null,
      distance: "cosine",
      language: "english",
    } as const;
    const limits = { maxDocs: 100_000, maxBytes: 2 ** 30, merge: [], superseded: new Set<string>() };
    const [built] = buildShards({ ...input, ...limits, rows }, Kernel.load({ maxBytes: 1 << 24 }));
    if (built === undefined) throw new Error("no shard was built");
    const file = ShardFile.open(built.path);
    names = decodeSummary(built.summary, "one").columns;
    names.forEach((name, at) => columns.add("one", name, file.column(at + 1), count));
    expect(file.columnNames()).toEqual(names);
    large = file.column(names.indexOf("metadata.many") + 1);
    file.close();
    reference = new Database(built.path, { readonly: true });
    ids = reference.prepare("SELECT id FROM documents ORDER BY rowid").pluck().all() as string[];
  });
  afterAll(() => {
    reference.close();
    rmSync(folder, { recursive: true });
  });

  const read = (where: string): { filter: ReturnType<typeof columnFilter>; bound: BoundValues } => {
    const { expr, bindings } = readExpression({ name: "where", sql: where, moment });
    const bound = Object.fromEntries([...bindings].map(([number, value]) => [`p${number}`, value]));
    return { filter: columnFilter(expr, bound), bound };
  };
  const bySqlite = (where: string): readonly number[] =>
    (reference.prepare(`SELECT rowid - 1 FROM documents WHERE ${where}`).pluck().all() as number[]).sort(
      (a, b) => a - b,
    );
  const ofBits = (bits: Uint8Array): readonly number[] =>
    Array.from({ length: 8 * bits.length }, (_, at) => at).filter(
      (at) => ((bits[at >>> 3] as number) >>> (at & 7)) & 1,
    );

  test("there is a column for what occurs, and none for what no column can hold", () => {
    expect(names).toEqual(["created_at", "updated_at", "word_count", "metadata.n", "metadata.k", "metadata.many"]);
  });

  test("are those that SQLite finds, in a shard and in the tail, whatever the condition", () => {
    const tail = rows.map((found) => ({ ...found, vector: null }));
    let [byColumns, inTail] = [0, 0];
    fc.assert(
      fc.property(condition, (where) => {
        const { filter } = read(where);
        if (filter === undefined) return;
        const expected = bySqlite(where);
        const bits = columns.matching("one", filter, count, (name) => name === "metadata.nothing");
        if (bits !== undefined) {
          byColumns++;
          expect(ofBits(bits), where).toEqual(expected);
        }
        const found = tailMatches(filter, tail);
        if (found === undefined) return;
        inTail++;
        const expectedIds = expected.map((at) => ids[at]).sort();
        expect([...found].map((at) => rows[at]?.id).sort(), where).toEqual(expectedIds);
      }),
      { seed, numRuns: 1000, endOnFailure: true },
    );
    expect(byColumns).toBeGreaterThan(300);
    expect(inTail).toBeGreaterThan(30);
  });

  test.each([
    "metadata->>'k' GLOB 'a*'",
    "metadata->>'k' LIKE '%a'",
    "metadata->>'n' + 1 > 2",
    "metadata->>'k' = metadata->>'n'",
    "metadata->>'k' COLLATE NOCASE = 'a'",
    "metadata->'k' = '1'",
    "metadata->>'k' IS TRUE",
    "(metadata->>'k' = 1) IS NULL",
    "created_at > 2024.5",
    "word_count = '3'",
    "metadata->>'k' > 0.30000000000000004",
    "id = 'd1'",
    "pagerank > 0",
    "metadata->>'k' LIKE 'a%' ESCAPE '\\'",
    "metadata->>'k'",
  ])("leaves to SQLite what they can't tell exactly: %s", (where) => {
    expect(read(where).filter).toBeUndefined();
  });

  test("a shard that has no column of a key is SQLite's", () => {
    const { filter } = read("metadata->>'open' = 'a'");
    expect(filter && columns.matching("one", filter, count, () => false)).toBeUndefined();
  });

  test("columns beyond the bound are not kept, and one that was damaged is refused", () => {
    const few = new ColumnSet(1000);
    const { filter } = read("metadata->>'many' = '1 of many'");
    few.add("one", "metadata.many", large, count);
    expect(filter && few.matching("one", filter, count, () => false)).toBeUndefined();
    const damage = expect.objectContaining({ kind: "data" });
    expect(() => columns.add("other", "metadata.many", large, count + 1)).toThrow(damage);
    expect(() => columns.add("other", "metadata.many", { ...large, dictionary: large.codes }, count)).toThrow(damage);
  });
});

describe("a condition of a known shape", () => {
  const conditions = new Conditions();
  const meant = ({ expr, bindings }: ReturnType<typeof readExpression>) => {
    const bound = Object.fromEntries([...bindings].map(([number, value]) => [`p${number}`, value]));
    return columnFilter(expr, bound);
  };

  test("means what it means when it is read for the first time", () => {
    fc.assert(
      fc.property(condition, (sql) => {
        const source = { name: "where", sql, moment };
        expect(meant(conditions.read(source)), sql).toEqual(meant(readExpression(source)));
        expect(meant(conditions.read(source)), sql).toEqual(meant(readExpression(source)));
      }),
      { seed, numRuns: 300, endOnFailure: true },
    );
  });

  test("takes other constants, and parameters", () => {
    const of = (sql: string, params?: readonly unknown[]) => [
      ...conditions.read({ name: "where", sql, params, moment }).bindings.values(),
    ];
    expect(of("metadata->>'a' = 'x' AND word_count BETWEEN 1 AND - 2.5")).toEqual(["x", 1n, 2.5]);
    expect(of("metadata->>'a' = 'it''s' AND word_count BETWEEN 3 AND - 4.5")).toEqual(["it's", 3n, 4.5]);
    expect(of("metadata->>'a' = ? AND word_count > 5", ["x"])).toEqual(["x"]);
    expect(of("metadata->>'a' = ? AND word_count > 5", ["y"])).toEqual(["y"]);
  });

  test.each([
    ["word_count > 'a'5", "sql_syntax"],
    ["word_count > 5 5", "sql_syntax"],
    ["word_count > 5; SELECT 1", "sql_not_allowed"],
    ["unknown > 5", "unknown_column"],
    ["word_count > ?", "invalid_parameter"],
  ])("is refused as ever when it is wrong: %s", (sql, code) => {
    for (let again = 0; again < 2; again++) {
      expect(() => conditions.read({ name: "where", sql, moment })).toThrow(expect.objectContaining({ code }));
    }
    expect(() => conditions.read({ name: "where", sql: "word_count > 5", params: [1], moment })).toThrow(
      expect.objectContaining({ code: "invalid_parameter" }),
    );
  });
});

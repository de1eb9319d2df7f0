import fc from "fast-check";
import { type Row, row } from "./world.ts";

/** Documents with NULLs, mixed types, missing keys, ties, and texts that differ in case only. */
export const documentArbitrary = (id: string): fc.Arbitrary<Row> => {
  const value = fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom(1.5, -0.5, 2, 1e10),
    fc.constantFrom("a", "A", "b", "10", "9", "", "é", "a%b", null, true, false),
  );
  return fc
    .record({
      text: fc.constantFrom("one", "one two", "One", "three little words", "x", " ", "10"),
      metadata: fc.record(
        { k: value, n: fc.integer({ min: -5, max: 5 }), s: fc.constantFrom("p", "q", "P") },
        { requiredKeys: [] },
      ),
      day: fc.integer({ min: 1, max: 4 }),
      pagerank: fc.constantFrom(0, 0.25, 0.5, 1),
    })
    .map(({ text, metadata, day, pagerank }) =>
      row(id, { text, metadata: JSON.stringify(metadata), createdAt: `2024-01-0${day} 00:00:00`, pagerank }),
    );
};

const column = fc.constantFrom(
  "id",
  "text",
  "created_at",
  "updated_at",
  "pagerank",
  "word_count",
  "metadata->>'k'",
  "metadata->>'n'",
  "metadata->>'$.s'",
  "json_extract(metadata, '$.k')",
  "metadata->'k'",
);
const constant = fc.constantFrom(
  "1",
  "0",
  "-2",
  "1.5",
  "'a'",
  "'A'",
  "'10'",
  "NULL",
  "'2024-01-02'",
  "'2024-01-03 00:00:00'",
  "'d1'",
  "'\"a\"'",
  "x'61'",
  "TRUE",
);

export const scalar: fc.Arbitrary<string> = fc.letrec<{ scalar: string }>((tie) => ({
  scalar: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    column,
    constant,
    fc
      .tuple(tie("scalar"), fc.constantFrom("+", "-", "*", "/", "%", "||"), tie("scalar"))
      .map(([a, o, b]) => `(${a} ${o} ${b})`),
    fc
      .tuple(fc.constantFrom("upper", "length", "typeof", "abs", "lower"), tie("scalar"))
      .map(([f, a]) => (f === "abs" ? `abs(CAST(${a} AS REAL))` : `${f}(${a})`)),
    fc.tuple(tie("scalar"), tie("scalar")).map(([a, b]) => `coalesce(${a}, ${b})`),
    fc
      .tuple(tie("scalar"), fc.constantFrom("INTEGER", "TEXT", "REAL", "NUMERIC"))
      .map(([a, t]) => `CAST(${a} AS ${t})`),
    fc.tuple(tie("scalar"), tie("scalar"), tie("scalar")).map(([a, b, c]) => `CASE WHEN ${a} THEN ${b} ELSE ${c} END`),
  ),
})).scalar;

export const condition: fc.Arbitrary<string> = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc
      .tuple(column, fc.constantFrom("=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT"), constant)
      .map((p) => p.join(" ")),
    fc.tuple(constant, fc.constantFrom("=", "<", ">="), column).map((p) => p.join(" ")),
    fc.tuple(scalar, fc.constantFrom("=", "<"), scalar).map((p) => p.join(" ")),
    fc
      .tuple(column, fc.constantFrom("", "NOT "), constant, constant)
      .map(([a, n, b, c]) => `${a} ${n}BETWEEN ${b} AND ${c}`),
    fc
      .tuple(column, fc.constantFrom("", "NOT "), fc.array(constant, { maxLength: 3 }))
      .map(([a, n, l]) => `${a} ${n}IN (${l.join(", ")})`),
    fc.tuple(column, fc.constantFrom("ISNULL", "NOTNULL")).map((p) => p.join(" ")),
    fc
      .tuple(
        column,
        fc.constantFrom("LIKE", "NOT LIKE", "GLOB"),
        fc.constantFrom("'a%'", "'d1%'", "'%o%'", "'one*'", "'2024-01-0_ %'"),
      )
      .map((p) => p.join(" ")),
    fc
      .tuple(column, column, constant, constant, fc.constantFrom("=", "<", "<>"))
      .map(([a, b, c, d, o]) => `(${a}, ${b}) ${o} (${c}, ${d})`),
    fc
      .tuple(
        fc.constantFrom("metadata->'k'", "metadata->'s'", "metadata -> '$.n'"),
        fc.constantFrom("'\"a\"'", "'\"p\"'", "'3'", "'-2'", "'1.5'", "'true'", "'null'", "'\"é\"'", "'[]'"),
        fc.boolean(),
      )
      .map(([key, json, turned]) => (turned ? `${json} = ${key}` : `${key} = ${json}`)),
    fc.tuple(column, fc.constantFrom("IS NOT DISTINCT FROM", "IS DISTINCT FROM"), constant).map((p) => p.join(" ")),
    fc.tuple(tie("condition"), fc.constantFrom("AND", "OR"), tie("condition")).map(([a, o, b]) => `(${a} ${o} ${b})`),
    tie("condition").map((a) => `NOT (${a})`),
  ),
})).condition;

const aggregate = fc.oneof(
  fc.constant("count(*)"),
  fc
    .tuple(fc.constantFrom("count", "sum", "total", "avg", "min", "max"), fc.constantFrom("", "DISTINCT "), column)
    .map(([f, d, c]) => `${f}(${d}${c})`),
  fc
    .tuple(fc.constantFrom("count", "sum", "max"), column, condition)
    .map(([f, c, w]) => `${f}(${c}) FILTER (WHERE ${w})`),
  fc.tuple(fc.constantFrom("min", "max"), scalar).map(([f, a]) => `${f}(${a})`),
  fc
    .tuple(fc.constantFrom("count", "total", "avg"), column, condition)
    .map(([f, c, w]) => `${f}(DISTINCT ${c}) FILTER (WHERE ${w})`),
  fc
    .tuple(fc.constantFrom("group_concat", "string_agg"), column, fc.constantFrom("", " DESC"))
    .map(([f, c, way]) => `${f}(${c}, '|' ORDER BY id${way})`),
  fc
    .tuple(
      fc.constantFrom("median(", "percentile_cont(", "percentile_disc(", "percentile("),
      fc.constantFrom("word_count", "pagerank"),
    )
    .map(([f, c]) => `${f}${c}${f === "median(" ? "" : f === "percentile(" ? ", 25" : ", 0.75"})`),
);

/** Rows of values: a subquery, which the planner writes as comparisons. */
export const inRows = fc
  .tuple(
    column,
    column,
    fc.constantFrom("", "NOT "),
    fc.array(fc.tuple(constant, constant), { minLength: 1, maxLength: 2 }),
  )
  .map(([a, b, n, l]) => `(${a}, ${b}) ${n}IN (VALUES ${l.map(([c, d]) => `(${c}, ${d})`).join(", ")})`);

const where = fc
  .option(fc.oneof({ arbitrary: condition, weight: 9 }, { arbitrary: inRows, weight: 1 }), { nil: undefined })
  .map((text) => (text === undefined ? "" : ` WHERE ${text}`));

const plain = fc
  .tuple(fc.array(scalar, { minLength: 1, maxLength: 3 }), where, fc.boolean())
  .map(
    ([columns, filter, distinct]) =>
      `SELECT ${distinct ? "DISTINCT " : ""}${columns.join(", ")} FROM documents${filter}`,
  );

const sorted = fc
  .tuple(
    fc.array(scalar, { maxLength: 2 }),
    where,
    scalar,
    fc.constantFrom("", " DESC", " DESC NULLS LAST", " COLLATE NOCASE"),
    fc.integer({ min: 0, max: 6 }),
    fc.integer({ min: 0, max: 3 }),
  )
  .map(
    ([columns, filter, by, way, limit, offset]) =>
      // A constant integer would be a position; id makes the order total.
      `SELECT ${["id", ...columns].join(", ")} FROM documents${filter} ORDER BY (${by}) || ''${way}, id LIMIT ${limit} OFFSET ${offset}`,
  );

const overall = fc
  .tuple(fc.array(aggregate, { minLength: 1, maxLength: 3 }), where)
  .map(([columns, filter]) => `SELECT ${columns.join(", ")} FROM documents${filter}`);

const grouped = fc
  .tuple(
    column,
    fc.option(column, { nil: undefined }),
    fc.array(aggregate, { minLength: 1, maxLength: 3 }),
    where,
    fc.constantFrom("", " HAVING count(*) > 1", " HAVING max(word_count) >= '1'"),
  )
  .map(([a, b, aggregates, filter, having]) => {
    // min and max of a group's own value: which of 1 and 1.0 stands for the group is nobody's promise.
    const keys = b === undefined ? [a] : [a, b];
    return `SELECT ${[...keys, ...aggregates].join(", ")} FROM documents${filter} GROUP BY ${keys.join(", ")}${having}`;
  });

/** GROUP BY by alias, position and expression; HAVING and ORDER BY over them. The order is total: the group's own value. */
const aliased = fc
  .tuple(
    column,
    fc.constantFrom("g", "1", "G", "(g)"),
    aggregate,
    where,
    fc.constantFrom("", " HAVING n > 1", " HAVING count(*) < 9"),
  )
  .map(
    ([by, name, found, filter, having]) =>
      `SELECT ${by} AS g, count(*) AS n, ${found} FROM documents${filter} GROUP BY ${name}${having}`,
  );

const gathered = fc.oneof(
  fc
    .tuple(where, column, fc.integer({ min: 1, max: 9 }))
    .map(
      ([filter, by, last]) =>
        `WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ${last}), d AS (SELECT word_count AS w, ${by} AS b FROM documents${filter}) SELECT x, count(b), max(b) FROM n LEFT JOIN d ON w = x GROUP BY x`,
    ),
  fc
    .tuple(where, fc.constantFrom("sum(word_count)", "count(*)", "max(pagerank)", "group_concat(id)"), column)
    .map(
      ([filter, found, by]) =>
        `SELECT id, ${found} OVER (PARTITION BY ${by} ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM documents${filter}`,
    ),
  fc
    .tuple(where, where, fc.constantFrom("UNION", "UNION ALL", "INTERSECT", "EXCEPT"))
    .map(([a, b, word]) => `SELECT id, word_count FROM documents${a} ${word} SELECT id, word_count FROM documents${b}`),
  fc
    .tuple(where, column)
    .map(
      ([filter, by]) =>
        `SELECT id, (SELECT count(*) FROM documents o WHERE o.word_count < d.word_count) FROM (SELECT id, word_count, ${by} FROM documents${filter}) d`,
    ),
  fc
    .tuple(condition)
    .map(
      ([a]) =>
        `SELECT id FROM documents d WHERE EXISTS (SELECT 1 FROM documents WHERE ${a} AND documents.word_count = d.word_count)`,
    ),
  fc.tuple(where, column).map(([filter, by]) => `SELECT id, rank() OVER (ORDER BY ${by}) FROM documents${filter}`),
  fc
    .tuple(condition, column)
    .map(
      ([filter, on]) =>
        `SELECT a.id, b.id FROM documents a JOIN documents b ON a.${on.includes("json") ? "id" : on} = b.${on.includes("json") ? "id" : on} WHERE a.word_count > 1 AND b.id IN (SELECT id FROM documents WHERE ${filter})`,
    ),
  fc.tuple(where, where).map(([a, b]) => `SELECT id FROM documents${a} EXCEPT SELECT id FROM documents${b}`),
  fc
    .tuple(where, condition)
    .map(([a, b]) => `WITH some AS (SELECT * FROM documents${a}) SELECT count(*) FROM some WHERE ${b}`),
  fc
    .tuple(condition)
    .map(
      ([a]) =>
        `SELECT d.id, j.key, j.value FROM documents d, json_each(d.metadata) j WHERE d.id IN (SELECT id FROM documents WHERE ${a})`,
    ),
  fc
    .tuple(condition)
    .map(
      ([a]) =>
        `SELECT d.id, e.id FROM documents d LEFT JOIN documents e ON e.id = d.text WHERE ${a.replaceAll(/\b(id|text|created_at|pagerank|word_count|metadata)\b/g, "d.$1")}`,
    ),
);

export const statement: fc.Arbitrary<string> = fc.oneof(plain, sorted, overall, grouped, aliased, gathered);

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TableTree } from "../../../src/shard/pages/table-tree.ts";
import { asValue, emptyDatabase, openPages } from "./support.ts";

/** A length by what matters to the format: so many pages, and some bytes more or less. */
const length = (pageBytes: number) =>
  fc
    .oneof(
      { weight: 3, arbitrary: fc.nat(80) },
      { weight: 1, arbitrary: fc.tuple(fc.nat(9), fc.integer({ min: -60, max: 60 })) },
    )
    .map((drawn) => (typeof drawn === "number" ? drawn : Math.max(0, drawn[0] * pageBytes + drawn[1])));

const patterned = (bytes: number, seed: number): Buffer => {
  const filled = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at++) filled[at] = (at * 31 + (at >> 8) * 7 + seed) & 255;
  return filled;
};

const powers = [7, 8, 15, 16, 23, 24, 31, 32, 47, 48, 53, 54, 62, 63].flatMap((bit) =>
  [-1n, 0n, 1n].map((by) => 2n ** BigInt(bit) + by),
);
const boundaries = [0n, 1n, 2n, ...powers]
  .flatMap((value) => [value, -value])
  .filter((value) => BigInt.asIntN(64, value) === value);

const value = (pageBytes: number) =>
  fc.oneof(
    fc.constant(null),
    fc.constantFrom(...boundaries),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.double({ noNaN: true }),
    fc.string({ unit: "binary", maxLength: 30, size: "max" }),
    fc.constantFrom("", "\0", "\ufeffmark", "a\0b", "\ud800 alone", "🦉".repeat(700), "ß".repeat(3000)),
    fc.tuple(length(pageBytes), fc.nat(255)).map(([bytes, seed]) => patterned(bytes, seed)),
    fc.tuple(length(pageBytes), fc.nat(25)).map(([bytes, seed]) => String.fromCharCode(97 + seed).repeat(bytes)),
  );

const rowid = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -40, max: 200 }) },
  { weight: 1, arbitrary: fc.maxSafeInteger() },
);

const database = fc
  .record({
    pageBytes: fc.constantFrom(512, 1024, 2048, 4096, 8192, 16384, 32768, 65536),
    reserved: fc.constantFrom(0, 0, 0, 7, 32),
    autoVacuum: fc.boolean(),
    vacuum: fc.boolean(),
  })
  .chain((shape) => {
    const row = fc.record({
      rowid,
      values: fc.tuple(value(shape.pageBytes), value(shape.pageBytes), value(shape.pageBytes)),
    });
    // Rows written, then some deleted, then others written into the holes: chains that aren't consecutive.
    return fc.record({
      shape: fc.constant(shape),
      written: fc.array(row, { maxLength: 60, size: "max" }),
      deleteEvery: fc.integer({ min: 2, max: 5 }),
      again: fc.array(row, { maxLength: 30, size: "max" }),
    });
  });

type Drawn = typeof database extends fc.Arbitrary<infer T> ? T : never;

function made({ shape, written, deleteEvery, again }: Drawn) {
  const db = emptyDatabase(shape.pageBytes, shape.reserved, shape.autoVacuum);
  db.exec("CREATE TABLE other(x); CREATE TABLE t(a, b, c)");
  const insert = db.prepare("INSERT OR REPLACE INTO t(rowid, a, b, c) VALUES (?, ?, ?, ?)");
  const beside = db.prepare("INSERT INTO other(x) VALUES (zeroblob(?))");
  for (const { rowid, values } of written) {
    insert.run(BigInt(rowid), ...values);
    beside.run(shape.pageBytes);
  }
  written.forEach(
    ({ rowid }, at) => at % deleteEvery === 0 && db.prepare("DELETE FROM t WHERE rowid = ?").run(BigInt(rowid)),
  );
  db.exec("DELETE FROM other WHERE rowid % 2 = 0");
  for (const { rowid, values } of again) insert.run(BigInt(rowid), ...values);
  if (shape.vacuum) db.exec("VACUUM");
  db.defaultSafeIntegers(true);
  return db;
}

describe("the rows of a table", () => {
  test("come back as SQL has them, whatever the pages, the values and the history", async () => {
    await fc.assert(
      fc.asyncProperty(database, fc.array(rowid, { maxLength: 10 }), async (drawn, absent) => {
        const db = made(drawn);
        const { schema, pages } = await openPages(db);
        const tree = new TableTree(pages, schema.tables.get("t") as number);
        const asked = [...absent, ...drawn.written, ...drawn.again].map((row) =>
          typeof row === "number" ? row : row.rowid,
        );
        const get = db.prepare("SELECT a, b, c FROM t WHERE rowid = ?").raw();
        const expected = asked.map((rowid) => (get.get(BigInt(rowid)) as unknown[] | undefined)?.map(asValue));
        expect(await tree.rows(asked)).toEqual(expected);
        expect(await tree.rows(asked, [2, 0])).toEqual(expected.map((row) => row && [row[2], row[0]]));
        expect(await tree.rows(asked, [1, 7])).toEqual(expected.map((row) => row && [row[1], null]));
        expect(await tree.rows(asked, [])).toEqual(expected.map((row) => row && []));
        const all = db.prepare("SELECT rowid, a, b, c FROM t ORDER BY rowid").raw().all() as unknown[][];
        const listed = all.map((row) => row.map(asValue)).map(([rowid, ...values]) => ({ rowid, values }));
        expect(await tree.all()).toEqual(listed);
        db.close();
      }),
      { numRuns: 120 },
    );
  }, 120_000);

  test("may have a header of columns that is itself longer than a page", async () => {
    const db = emptyDatabase(512);
    const columns = Array.from({ length: 1500 }, (_, at) => `c${at}`);
    db.exec(`CREATE TABLE wide(${columns})`);
    const values = columns.map((name, at) => (at % 3 === 0 ? name : at % 3 === 1 ? null : at + 0.5));
    db.prepare(`INSERT INTO wide VALUES (${columns.map(() => "?")})`).run(values);
    const { schema, pages } = await openPages(db);
    const tree = new TableTree(pages, schema.tables.get("wide") as number);
    expect(await tree.rows([1])).toEqual([values]);
    expect(await tree.rows([1, 2], [1499, 3])).toEqual([[values[1499], values[3]], undefined]);
  });

  test("that a column was added to later have null where they have nothing", async () => {
    const db = emptyDatabase(1024);
    db.exec(
      "CREATE TABLE t(a); INSERT INTO t VALUES ('old'); ALTER TABLE t ADD COLUMN b; INSERT INTO t VALUES ('new', 2)",
    );
    const { schema, pages } = await openPages(db);
    const tree = new TableTree(pages, schema.tables.get("t") as number);
    expect(await tree.rows([2, 1], [0, 1])).toEqual([
      ["new", 2],
      ["old", null],
    ]);
  });

  test("have blobs that can be read as floats without a copy", async () => {
    const db = emptyDatabase(4096);
    db.exec("CREATE TABLE t(a, b)");
    const floats = Float32Array.of(1.5, -2, 3e30);
    db.prepare("INSERT INTO t VALUES (?, ?)").run("odd", Buffer.from(floats.buffer));
    const { schema, pages } = await openPages(db);
    const [row] = await new TableTree(pages, schema.tables.get("t") as number).rows([1], [1]);
    const blob = row?.[0] as Uint8Array;
    expect([blob.byteOffset, blob.buffer.byteLength]).toEqual([0, 12]);
    expect(new Float32Array(blob.buffer)).toEqual(floats);
  });

  test("with bigint rowids at both ends of 64 bits are told apart", async () => {
    const db = emptyDatabase(512);
    db.exec("CREATE TABLE t(a)");
    const ends = [-(2n ** 63n), -(2n ** 53n) - 1n, -1n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n];
    for (const rowid of ends) db.prepare("INSERT INTO t(rowid, a) VALUES (?, ?)").run(rowid, `${rowid}`);
    const { schema, pages } = await openPages(db);
    const tree = new TableTree(pages, schema.tables.get("t") as number);
    expect(await tree.all()).toEqual(ends.map((rowid) => ({ rowid: asValue(rowid), values: [`${rowid}`] })));
    expect(await tree.rows([-1, 0, 1])).toEqual([["-1"], ["0"], undefined]);
  });
});

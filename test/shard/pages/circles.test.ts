import { describe, expect, test } from "vitest";
import { fileShapeOf, readSchema, TableTree } from "../../../src/shard/index.ts";
import { damage, emptyDatabase, MemoryPageSource } from "./support.ts";

const pageBytes = 512;

/** One row whose blob has pages 3 to 12, and a row beside it with pages 13 to 22. */
function chained(): Buffer {
  const db = emptyDatabase(pageBytes);
  db.exec("CREATE TABLE t(b); INSERT INTO t VALUES (zeroblob(5116)), (zeroblob(5116)); VACUUM");
  return Buffer.from(db.serialize());
}

const sound = chained();
const place = (page: number): number => (page - 1) * pageBytes;

async function open(bytes: Uint8Array) {
  const source = new MemoryPageSource(bytes, pageBytes);
  const { usableBytes, tables } = await readSchema(source);
  source.rounds = [];
  return { source, table: new TableTree({ source, usableBytes }, tables.get("t") as number) };
}

describe("a chain of overflow pages", () => {
  const next = (page: number): number => sound.readUInt32BE(place(page));

  test("lies as this test believes", async () => {
    const { table } = await open(sound);
    expect(await table.rows([1, 2])).toEqual([[new Uint8Array(5116)], [new Uint8Array(5116)]]);
    expect([next(3), next(12), next(13), next(22)]).toEqual([4, 0, 14, 0]);
  });

  test.each([
    ["returns to itself", 5, 5],
    ["returns to its beginning", 11, 3],
    ["ends too early", 6, 0],
    ["goes on after its end", 12, 13],
    ["leaves the file", 6, 1_000_000],
    ["joins another", 6, 17],
  ])("that %s is damage", async (_, page, pointer) => {
    const bytes = Buffer.from(sound);
    bytes.writeUInt32BE(pointer, place(page));
    const { source, table } = await open(bytes);
    await expect(table.rows([1, 2])).rejects.toThrow(damage);
    expect(source.rounds.length).toBeLessThan(12);
  });

  test("is not asked for when its record is longer than the file", async () => {
    const bytes = Buffer.from(sound);
    const cell = place(2) + bytes.readUInt16BE(place(2) + 8);
    // A payload of 2^28 - 1 bytes, in the four bytes that were its length, its rowid and its header's length.
    bytes.set([0xff, 0xff, 0xff, 0x7f], cell);
    const { source, table } = await open(bytes);
    await expect(table.rows([1])).rejects.toThrow(damage);
    expect(source.rounds.length).toBe(1);
  });
});

describe("a tree", () => {
  test("whose root is its own child ends", async () => {
    const bytes = Buffer.from(sound.subarray(0, pageBytes));
    bytes.fill(0, 100);
    // An interior page without a cell, which only page 1 may be, and its right child: page 1.
    bytes.set([0x05, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1], 100);
    const source = new MemoryPageSource(bytes, pageBytes);
    const table = new TableTree({ source, usableBytes: pageBytes }, 1);
    await expect(table.rows([1])).rejects.toThrow(/too deep/);
    expect(source.rounds).toHaveLength(20);
    await expect(table.all()).rejects.toThrow(/two parents/);
    await expect(readSchema(source)).rejects.toThrow(damage);
  });

  test.each([0, -1, 1.5, Number.NaN, 1_000_000])("whose root would be page %d is damage", async (root) => {
    const source = new MemoryPageSource(sound, pageBytes);
    await expect(new TableTree({ source, usableBytes: pageBytes }, root).rows([1])).rejects.toThrow(damage);
  });
});

describe("a source", () => {
  test.each([
    ["too few pages", (pages: readonly Uint8Array[]) => pages.slice(1)],
    ["short pages", (pages: readonly Uint8Array[]) => pages.map((page) => page.subarray(1))],
  ])("that answers %s is not believed", async (_, spoil) => {
    const { source } = await open(sound);
    const spoilt = {
      pageBytes,
      pageCount: source.pageCount,
      pages: async (n: number[]) => spoil(await source.pages(n)),
    };
    await expect(readSchema(spoilt)).rejects.toThrow(damage);
  });

  test("that fails passes its own error on", async () => {
    const failing = { pageBytes, pageCount: 9, pages: () => Promise.reject(new Error("no network")) };
    await expect(readSchema(failing)).rejects.toThrow("no network");
  });

  test("of pages of another size than the file's is refused", async () => {
    await expect(readSchema(new MemoryPageSource(sound, 1024))).rejects.toThrow(/another size/);
    expect(fileShapeOf(sound, sound.length)).toEqual({ pageBytes, usableBytes: 512, pageCount: sound.length / 512 });
    expect(() => fileShapeOf(sound.subarray(0, 99), sound.length)).toThrow(damage);
  });
});

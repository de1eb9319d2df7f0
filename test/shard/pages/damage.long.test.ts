import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IndexTree } from "../../../src/shard/pages/index-tree.ts";
import { readSchema } from "../../../src/shard/pages/schema.ts";
import { TableTree } from "../../../src/shard/pages/table-tree.ts";
import { damage, emptyDatabase, MemoryPageSource } from "./support.ts";

const pageBytes = 512;
const rows = 150;

const idOf = (rowid: number): string => `${rowid % 40 === 0 ? "long".repeat(70) : "key"} ${rowid}`;

/** Three levels, overflow chains, free blocks, and every kind of page. */
function small(): Uint8Array {
  const db = emptyDatabase(pageBytes);
  db.exec("CREATE TABLE t(id TEXT PRIMARY KEY, n, b)");
  const insert = db.prepare("INSERT INTO t(rowid, id, n, b) VALUES (?, ?, ?, ?)");
  for (let i = 0; i < rows; i++) {
    insert.run(i, idOf(i), i / 4, i % 15 === 0 ? Buffer.alloc(1500, i) : "short");
  }
  db.exec("DELETE FROM t WHERE rowid % 9 = 4; UPDATE t SET b = 'tiny' WHERE rowid % 15 = 5");
  return new Uint8Array(db.serialize());
}

const sound = small();
const keys = [...Array.from({ length: rows }, (_, at) => idOf(at)), "absent", "long"];
const rowids = Array.from({ length: rows + 20 }, (_, at) => at - 10);

/** Every row by lookup and by listing, and every key, as far as they can be had. */
async function answers(bytes: Uint8Array) {
  const source = new MemoryPageSource(bytes, pageBytes);
  const read = readSchema(source);
  // Where the schema can't be read, the trees still can: their roots may be known from before.
  const { usableBytes, tables, indexes } = await read.catch(() => soundSchema);
  const pages = { source, usableBytes };
  const table = new TableTree(pages, tables.get("t") ?? 0);
  const index = new IndexTree(pages, indexes.get("sqlite_autoindex_t_1") ?? 0);
  const settled = await Promise.allSettled([read, table.rows(rowids), table.all(), index.rowids(keys)]);
  // Nothing goes in circles, or asks for more than the file a round.
  expect(source.rounds.length).toBeLessThan(150);
  return settled;
}

const soundSchema = await readSchema(new MemoryPageSource(sound, pageBytes));
const expected = await answers(sound);

/** Fails on every error but damage. */
async function outcome(bytes: Uint8Array): Promise<"right" | "other" | "damaged"> {
  const answer = await answers(bytes);
  const failed = answer.filter((one) => one.status === "rejected");
  for (const { reason } of failed) expect(reason).toEqual(damage);
  if (failed.length > 0) return "damaged";
  return isDeepStrictEqual(answer, expected) ? "right" : "other";
}

async function tally(changes: Iterable<readonly [at: number, byte: number]>) {
  const counts = { right: 0, other: 0, damaged: 0 };
  for (const [at, byte] of changes) {
    const bytes = sound.slice();
    bytes[at] = byte;
    counts[await outcome(bytes)]++;
  }
  return counts;
}

function* flips(at: number): Generator<readonly [number, number]> {
  const byte = sound[at] as number;
  for (let bit = 0; bit < 8; bit++) yield [at, byte ^ (1 << bit)];
  for (const other of [0, 255, 2, 5, 10, 13]) if (other !== byte) yield [at, other];
}

/** The pages of the table and its index, with the bytes of their headers and cell pointers. */
function headers(): readonly {
  readonly page: number;
  readonly header: readonly number[];
  readonly pointers: readonly number[];
}[] {
  return Array.from({ length: sound.length / pageBytes }, (_, at) => at + 1).flatMap((page) => {
    const start = (page - 1) * pageBytes + (page === 1 ? 100 : 0);
    const type = sound[start] as number;
    if (![2, 5, 10, 13].includes(type)) return [];
    const length = type < 8 ? 12 : 8;
    const cells = (sound[start + 3] as number) * 256 + (sound[start + 4] as number);
    const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
    return [{ page, header: range(start, length), pointers: range(start + length, 2 * cells) }];
  });
}

describe("a damaged file", () => {
  test("has every kind of page in this test", () => {
    const kinds = new Set(headers().map(({ header }) => sound[header[0] as number]));
    expect([...kinds].sort((a = 0, b = 0) => a - b)).toEqual([2, 5, 10, 13]);
    expect(expected.map(({ status }) => status)).toEqual(Array(4).fill("fulfilled"));
  });

  test("gives the right answer or none when any bit of a page's header is wrong", async () => {
    const changes = headers().flatMap(({ header }) => header.flatMap((at) => [...flips(at)]));
    const counts = await tally(changes);
    expect(counts.other).toBe(0);
    expect(counts.damaged).toBeGreaterThan(counts.right);
  });

  test("gives the right answer or none when any bit of a cell pointer is wrong", async () => {
    const changes = headers().flatMap(({ pointers }) => pointers.flatMap((at) => [...flips(at)].slice(0, 8)));
    const counts = await tally(changes);
    expect(counts.other).toBe(0);
  });

  test("gives the right answer or none when any bit of the file's header is wrong", async () => {
    const changes = Array.from({ length: 100 }, (_, at) => at).flatMap((at) => [...flips(at)]);
    const counts = await tally(changes);
    expect(counts.other).toBe(0);
  });

  test("never causes another error, whichever byte is wrong", async () => {
    const everywhere = Array.from(sound, (byte, at) => [at, byte ^ (1 << (at % 8))] as const);
    const counts = await tally(everywhere.filter(([at]) => at % 7 === 0));
    expect(counts.damaged).toBeGreaterThan(0);
  });

  test("never causes another error when many bytes are wrong, or pages are exchanged", async () => {
    const at = fc.nat(sound.length - 1);
    const page = fc.nat(sound.length / pageBytes - 1);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(at, fc.nat(255)), { maxLength: 40, size: "max" }),
        fc.array(fc.tuple(page, page), { maxLength: 2 }),
        async (changes, exchanged) => {
          const bytes = sound.slice();
          for (const [from, to] of exchanged) {
            bytes.set(sound.subarray(from * pageBytes, (from + 1) * pageBytes), to * pageBytes);
          }
          for (const [at, byte] of changes) bytes[at] = byte;
          await outcome(bytes);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("that is cut off at any page is refused, or right", async () => {
    for (let pages = 1; pages < sound.length / pageBytes; pages++) {
      expect(await outcome(sound.slice(0, pages * pageBytes))).not.toBe("other");
    }
  });
});

import Database from "better-sqlite3";
import { expect } from "vitest";
import type { PagesOf } from "../../../src/shard/pages/page-reader.ts";
import { type PageRun, type PageSource, runsOf } from "../../../src/shard/pages/page-source.ts";
import { readSchema, type Schema } from "../../../src/shard/pages/schema.ts";

/** The pages of a database in memory, which counts what is asked of it. */
export class MemoryPageSource implements PageSource {
  readonly pageBytes: number;
  readonly bytes: Uint8Array;
  rounds: number[][] = [];

  constructor(bytes: Uint8Array, pageBytes: number) {
    this.bytes = bytes;
    this.pageBytes = pageBytes;
  }

  get pageCount(): number {
    return Math.floor(this.bytes.length / this.pageBytes);
  }

  get requests(): readonly (readonly PageRun[])[] {
    return this.rounds.map((numbers) => runsOf(numbers));
  }

  pages(numbers: readonly number[]): Promise<readonly Uint8Array[]> {
    this.rounds.push([...numbers]);
    const page = (number: number): Uint8Array =>
      this.bytes.subarray((number - 1) * this.pageBytes, number * this.pageBytes);
    return Promise.resolve(numbers.map(page));
  }
}

export interface Opened {
  readonly source: MemoryPageSource;
  readonly schema: Schema;
  readonly pages: PagesOf;
}

/** The file that `db` would be, opened by its pages. */
export async function openPages(db: Database.Database): Promise<Opened> {
  const source = new MemoryPageSource(db.serialize(), Number(db.pragma("page_size", { simple: true })));
  const schema = await readSchema(source);
  source.rounds = [];
  return { source, schema, pages: { source, usableBytes: schema.usableBytes } };
}

/** An empty database whose pages keep `reserved` bytes at their end for somebody else, as encrypting tools do. */
export function emptyDatabase(pageBytes: number, reserved = 0, autoVacuum = false): Database.Database {
  const db = new Database(":memory:");
  db.pragma(`page_size = ${pageBytes}`);
  db.pragma(`auto_vacuum = ${autoVacuum ? "FULL" : "NONE"}`);
  if (reserved === 0) return db;
  // SQLite takes over the number it finds, so it is written into the first page of a file that has no other.
  db.exec("CREATE TABLE t(x); DROP TABLE t; VACUUM");
  const bytes = db.serialize();
  db.close();
  if (bytes.length > pageBytes && !autoVacuum) throw new Error("more than one page");
  bytes[20] = reserved;
  bytes.writeUInt16BE(pageBytes - reserved, 105);
  return new Database(bytes);
}

/** What SQL says, as the pages' reader says it. */
export const asValue = (value: unknown): unknown => {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
};

export const damage = expect.objectContaining({ kind: "data", code: "shard_damaged" });

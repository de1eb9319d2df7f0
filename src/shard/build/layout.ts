import { closeSync, openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import Database from "better-sqlite3";
import {
  blockBytes,
  type EncodedLayout,
  encodePlaces,
  type LeafPlace,
  type PlacedTable,
  type Places,
  placedTables,
} from "../pages/layout.ts";
import type { PageRun } from "../pages/page-source.ts";

interface StatLine {
  readonly path: string;
  readonly pageno: number;
  readonly pagetype: "internal" | "leaf" | "overflow";
  readonly ncell: number;
}

const idIndex = "sqlite_autoindex_documents_1";

/** What ranged reads must know of a finished file. Reads all of it. */
export function layoutOf(path: string): EncodedLayout {
  const fd = openSync(path, "r");
  const db = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const pageBytes = db.pragma("page_size", { simple: true }) as number;
    const fileBytes = pageBytes * (db.pragma("page_count", { simple: true }) as number);
    const stat = db.prepare("SELECT path, pageno, pagetype, ncell FROM dbstat WHERE name = ?");
    const lines = (name: string): StatLine[] => stat.all(name) as StatLine[];
    const tables = Object.fromEntries(placedTables.map((name) => [name, leavesOf(lines(name))]));
    const pageAt = (page: number): Uint8Array => readAt(fd, (page - 1) * pageBytes, pageBytes);
    const places: Places = {
      pageBytes,
      fileBytes,
      tables: tables as Record<PlacedTable, LeafPlace[]>,
      index: indexOf(lines(idIndex), pageAt),
    };
    return { places: encodePlaces(places), checks: checksOf(fd, fileBytes) };
  } finally {
    db.close();
    closeSync(fd);
  }
}

/** dbstat goes through a tree in key order: a leaf, then the overflow pages of its rows, whose path ends `<row>+<number>`, in hex. */
function leavesOf(lines: readonly StatLine[]): LeafPlace[] {
  const leaves: { page: number; rows: number; overflow: { row: number; run: { first: number; count: number } }[] }[] =
    [];
  for (const { path, pageno, pagetype, ncell } of lines) {
    if (pagetype === "leaf") leaves.push({ page: pageno, rows: ncell, overflow: [] });
    if (pagetype !== "overflow") continue;
    const row = Number.parseInt(path.slice(path.lastIndexOf("/") + 1), 16);
    const overflow = leaves.at(-1)?.overflow ?? [];
    const last = overflow.at(-1);
    if (last?.row === row && goesOn(last.run, pageno)) last.run.count++;
    else overflow.push({ row, run: { first: pageno, count: 1 } });
  }
  return leaves;
}

const goesOn = ({ first, count }: PageRun, page: number): boolean => page === first + count;

function indexOf(lines: readonly StatLine[], pageAt: (page: number) => Uint8Array): Places["index"] {
  const interior = lines.filter(({ pagetype }) => pagetype === "internal").map(({ pageno }) => pageno);
  const root = lines.find(({ path }) => path === "/")?.pageno ?? 0;
  return { root, interior: new Map(interior.map((page) => [page, pageAt(page)])) };
}

/** CRC-32 of each block; the last one may be short. */
function checksOf(fd: number, fileBytes: number): Uint8Array {
  const checks = new Uint32Array(Math.ceil(fileBytes / blockBytes));
  const step = 64 * blockBytes;
  for (let start = 0; start < fileBytes; start += step) {
    const part = readAt(fd, start, Math.min(step, fileBytes - start));
    for (let at = 0; at < part.length; at += blockBytes)
      checks[(start + at) / blockBytes] = crc32(part.subarray(at, at + blockBytes));
  }
  return new Uint8Array(checks.buffer);
}

function readAt(fd: number, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (readSync(fd, bytes, 0, length, position) !== length) throw new RangeError("a finished file ends too early");
  return bytes;
}

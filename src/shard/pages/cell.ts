import { damaged } from "./damage.ts";
import type { FileShape } from "./file-header.ts";
import { Cursor } from "./varint.ts";

export type TreeKind = "table" | "index";

/** One entry of a b-tree page. What its kind of page doesn't have is 0. */
export interface Cell {
  /** Interior pages: the page of everything that is before this entry (in a table: up to and with it). */
  readonly child: number;
  /** Tables only. */
  readonly rowid: number | bigint;
  /** Bytes of the record. */
  readonly payload: number;
  /** Where in the page the record begins, and how many of its bytes lie there. */
  readonly start: number;
  readonly local: number;
  /** The page on which the rest of the record begins; 0 when all of it is local. */
  readonly overflow: number;
  /** First byte after the cell. */
  readonly end: number;
}

/** Reads the cell at `at`; throws `data` when it passes the page or its record can't be in the file. */
export function cellAt(bytes: Uint8Array, at: number, kind: TreeKind, leaf: boolean, shape: FileShape): Cell {
  const cursor = new Cursor(bytes, at, shape.usableBytes);
  const child = leaf ? 0 : cursor.u32();
  if (kind === "table" && !leaf) {
    const rowid = cursor.varint();
    return { child, rowid, payload: 0, start: cursor.at, local: 0, overflow: 0, end: cursor.at };
  }
  const payload = cursor.size();
  if (payload > shape.pageCount * shape.usableBytes) throw damaged("a record is longer than the file");
  const rowid = kind === "table" ? cursor.varint() : 0;
  const start = cursor.at;
  const local = localBytes(payload, kind, shape.usableBytes);
  cursor.at += local;
  const overflow = local < payload ? cursor.u32() : 0;
  if (cursor.at > shape.usableBytes) throw damaged("a record passes its page");
  return { child, rowid, payload, start, local, overflow, end: cursor.at };
}

/** How much of a record stays in its page: X, M and K of SQLite's file format. */
function localBytes(payload: number, kind: TreeKind, usable: number): number {
  const most = kind === "table" ? usable - 35 : Math.floor(((usable - 12) * 64) / 255) - 23;
  if (payload <= most) return payload;
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  // So that the last page of the chain is full, if that is possible.
  const fitting = least + ((payload - least) % (usable - 4));
  return fitting <= most ? fitting : least;
}

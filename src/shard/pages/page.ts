import { type Cell, cellAt, type TreeKind } from "./cell.ts";
import { damaged } from "./damage.ts";
import { type FileShape, fileHeaderBytes } from "./file-header.ts";
import { Cursor } from "./varint.ts";

/** A b-tree page, read and proved: its cells lie within it, and account for every byte. */
export interface BtreePage {
  readonly number: number;
  readonly kind: TreeKind;
  readonly leaf: boolean;
  readonly bytes: Uint8Array;
  readonly cells: readonly Cell[];
  /** The child of everything after the last cell; 0 on a leaf. */
  readonly right: number;
}

const types = new Map<number, { readonly kind: TreeKind; readonly leaf: boolean }>([
  [0x02, { kind: "index", leaf: false }],
  [0x05, { kind: "table", leaf: false }],
  [0x0a, { kind: "index", leaf: true }],
  [0x0d, { kind: "table", leaf: true }],
]);

/** Throws `data` unless the page is one that SQLite could have written. */
export function parsePage(bytes: Uint8Array, number: number, shape: FileShape): BtreePage {
  const header = new Cursor(bytes, number === 1 ? fileHeaderBytes : 0, shape.usableBytes);
  const type = types.get(header.byte());
  if (type === undefined) throw damaged(`page ${number} is no b-tree page`);
  const firstFree = header.u16();
  const count = header.u16();
  const content = header.u16() || 65536;
  const fragments = header.byte();
  const right = type.leaf ? 0 : header.u32();
  const pointersEnd = header.at + 2 * count;
  if (pointersEnd > content || content > shape.usableBytes) throw damaged(`page ${number} has an impossible header`);
  const starts = Array.from({ length: count }, () => header.u16());
  const cells = starts.map((start) => cellAt(bytes, start, type.kind, type.leaf, shape));
  const used = cellBytes(starts, cells, content, number) + fragments;
  // SQLite's integrity_check asks the same. It finds a wrong count of cells, or a pointer that was hit.
  if (used + freeBytes(bytes, firstFree, content, shape) !== shape.usableBytes - content) {
    throw damaged(`the cells of page ${number} don't account for its bytes`);
  }
  return { number, ...type, bytes, cells, right };
}

/** What the cells take, each byte belonging to one of them only. */
function cellBytes(starts: readonly number[], cells: readonly Cell[], content: number, number: number): number {
  // Start and length in one number, to be sorted fast; four bytes at least, so that a free block fits when a cell goes.
  const places = Uint32Array.from(cells, ({ end }, at) => {
    const start = starts[at] ?? 0;
    return start * 65536 + Math.max(4, end - start);
  }).sort();
  let [used, least] = [0, content];
  for (const place of places) {
    if (place >>> 16 < least) throw damaged(`page ${number} has cells that overlap`);
    least = (place >>> 16) + (place & 65535);
    used += place & 65535;
  }
  return used;
}

/** Free blocks are a chain through the page, in ascending order: so it ends. */
function freeBytes(bytes: Uint8Array, first: number, content: number, shape: FileShape): number {
  let total = 0;
  let least = content;
  for (let at = first; at !== 0; ) {
    const block = new Cursor(bytes, at, shape.usableBytes);
    const next = block.u16();
    const size = block.u16();
    if (at < least || size < 4 || at + size > shape.usableBytes) throw damaged("a free block is out of place");
    total += size;
    least = at + size;
    at = next;
  }
  return total;
}

import { MosaicError } from "../../base/index.ts";
import { DeadTerms } from "../terms/dead-terms.ts";

/**
 * The dead rows of a shard: bit i says that row i (0-based; rowid i + 1) is dead; and what they take from the statistics of
 * terms. Stored as "MDE2" · u32 rows · u32 dead · ceil(rows / 8) bytes · `DeadTerms`; before there were statistics as "MDE1" · the
 * same without them.
 */
export class DeadRows {
  readonly rows: number;
  readonly bits: Uint8Array;
  readonly count: number;
  /** Undefined: not known, of a bitmap that was written without. */
  readonly terms: DeadTerms | undefined;

  constructor(rows: number, bits: Uint8Array, count: number, terms?: DeadTerms) {
    this.rows = rows;
    this.bits = bits;
    this.count = count;
    this.terms = terms;
  }

  static none(rows: number): DeadRows {
    return new DeadRows(rows, new Uint8Array(Math.ceil(rows / 8)), 0, DeadTerms.none());
  }

  isDead(row: number): boolean {
    return ((this.bits[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
  }

  /** A new bitmap in which `rows` are dead as well. `terms`: of those that were not; of all dead ones where these terms are unknown. */
  with(rows: Iterable<number>, terms?: DeadTerms): DeadRows {
    const bits = this.bits.slice();
    let count = this.count;
    for (const row of rows) {
      const mask = 1 << (row & 7);
      const byte = bits[row >>> 3] ?? 0;
      if ((byte & mask) === 0) count++;
      bits[row >>> 3] = byte | mask;
    }
    const all = terms === undefined || this.terms === undefined ? terms : this.terms.plus(terms);
    return new DeadRows(this.rows, bits, count, all);
  }

  /** 512 bits, set for live rows, of the cell that starts at `firstRow` (a multiple of 8); undefined when all live. */
  liveMask(firstRow: number, rows: number): Uint8Array | undefined {
    const dead = this.bits.subarray(firstRow >>> 3, (firstRow + rows + 7) >>> 3);
    if (dead.every((byte) => byte === 0)) return undefined;
    const mask = new Uint8Array(64);
    dead.forEach((byte, at) => {
      mask[at] = ~byte & 255;
    });
    return mask;
  }

  encode(): Uint8Array {
    const head = Buffer.alloc(12);
    head.write(this.terms === undefined ? "MDE1" : "MDE2", "latin1");
    head.writeUInt32LE(this.rows, 4);
    head.writeUInt32LE(this.count, 8);
    return Buffer.concat([head, this.bits, this.terms?.bytes ?? Buffer.alloc(0)]);
  }

  static decode(input: Uint8Array, key: string): DeadRows {
    const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
    const magic = bytes.toString("latin1", 0, 4);
    const rows = bytes.length >= 12 ? bytes.readUInt32LE(4) : -1;
    const end = 12 + Math.ceil(rows / 8);
    if (!(magic === "MDE2" ? bytes.length >= end + 8 : magic === "MDE1" && bytes.length === end))
      throw new MosaicError("data", "read deletes", { code: "deletes_damaged", key, hint: "run: mosaic verify" });
    const terms = magic === "MDE2" ? DeadTerms.decode(bytes.subarray(end), key) : undefined;
    return new DeadRows(rows, new Uint8Array(bytes.subarray(12, end)), bytes.readUInt32LE(8), terms);
  }
}

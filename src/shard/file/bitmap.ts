import { MosaicError } from "../../base/index.ts";

/**
 * The dead rows of a shard: bit i says that row i (0-based; rowid i + 1) is dead.
 * Stored as "MDE1" · u32 rows · u32 dead · ceil(rows / 8) bytes.
 */
export class DeadRows {
  readonly rows: number;
  readonly bits: Uint8Array;
  readonly count: number;

  constructor(rows: number, bits: Uint8Array, count: number) {
    this.rows = rows;
    this.bits = bits;
    this.count = count;
  }

  static none(rows: number): DeadRows {
    return new DeadRows(rows, new Uint8Array(Math.ceil(rows / 8)), 0);
  }

  isDead(row: number): boolean {
    return ((this.bits[row >>> 3] ?? 0) & (1 << (row & 7))) !== 0;
  }

  /** A new bitmap in which `rows` are dead as well. */
  with(rows: Iterable<number>): DeadRows {
    const bits = this.bits.slice();
    let count = this.count;
    for (const row of rows) {
      const mask = 1 << (row & 7);
      const byte = bits[row >>> 3] ?? 0;
      if ((byte & mask) === 0) count++;
      bits[row >>> 3] = byte | mask;
    }
    return new DeadRows(this.rows, bits, count);
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
    head.write("MDE1", "latin1");
    head.writeUInt32LE(this.rows, 4);
    head.writeUInt32LE(this.count, 8);
    return Buffer.concat([head, this.bits]);
  }

  static decode(input: Uint8Array, key: string): DeadRows {
    const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
    const rows = bytes.length >= 12 ? bytes.readUInt32LE(4) : -1;
    if (bytes.toString("latin1", 0, 4) !== "MDE1" || bytes.length !== 12 + Math.ceil(rows / 8)) {
      throw new MosaicError("data", "read deletes", { code: "deletes_damaged", key, hint: "run: mosaic verify" });
    }
    return new DeadRows(rows, new Uint8Array(bytes.subarray(12)), bytes.readUInt32LE(8));
  }
}

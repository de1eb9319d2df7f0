import { damaged } from "./damage.ts";

/** A 64-bit integer as a number wherever a number can hold it exactly. */
export function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Reads big-endian numbers one after the other. The bytes may be damaged: passing `end` throws `data`. */
export class Cursor {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  at: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes;
    this.#end = end;
    this.at = at;
  }

  byte(): number {
    const byte = this.at < this.#end ? this.#bytes[this.at] : undefined;
    if (byte === undefined) throw damaged("a number passes the end of its page or record");
    this.at++;
    return byte;
  }

  u16(): number {
    return this.byte() * 256 + this.byte();
  }

  u32(): number {
    return this.u16() * 65536 + this.u16();
  }

  /** Seven bits a byte, the highest first; a ninth byte counts in full. A signed 64-bit integer. */
  varint(): number | bigint {
    let value = 0;
    // 49 bits fit into a number; only what is longer pays for a bigint.
    for (let read = 0; read < 7; read++) {
      const byte = this.byte();
      value = value * 128 + (byte & 127);
      if (byte < 128) return value;
    }
    return this.#wide(BigInt(value));
  }

  /** A varint that counts bytes. */
  size(): number {
    const size = this.varint();
    if (typeof size === "bigint" || size < 0) throw damaged("a length is out of range");
    return size;
  }

  #wide(high: bigint): number | bigint {
    const eighth = this.byte();
    const value = (high << 7n) | BigInt(eighth & 127);
    return narrowed(eighth < 128 ? value : BigInt.asIntN(64, (value << 8n) | BigInt(this.byte())));
  }
}

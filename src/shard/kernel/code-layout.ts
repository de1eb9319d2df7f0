// How codes and queries lie in the kernel's memory (scanCodes in assembly/kernel.ts reads them).

export const rowsPerBlock = 16;
/** A query's values are quantised to 4 bits. */
export const queryLevels = 15;

/** Row-major codes to blocks of 16 rows in which byte p of all 16 lies together; returns the set bits of each row. */
export function transpose(codes: Uint8Array, blocks: Uint8Array, rows: number, codeBytes: number): Uint32Array {
  const ones = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    const block = (row >>> 4) * codeBytes * rowsPerBlock + (row & 15);
    let count = 0;
    for (let at = 0; at < codeBytes; at++) {
      const byte = codes[row * codeBytes + at] as number;
      blocks[block + at * rowsPerBlock] = byte;
      count += onesOf[byte] as number;
    }
    ones[row] = count;
  }
  return ones;
}

/** Set bits of a byte. */
const onesOf = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

/** For each byte of a code a table for its low nibble and one for its high: sums of the query's levels over set bits. */
export function fillTables(tables: Uint8Array, rotated: Float32Array, low: number, step: number): void {
  const levels = new Uint8Array(Math.ceil(rotated.length / 8) * 8);
  rotated.forEach((value, at) => {
    levels[at] = Math.min(queryLevels, Math.max(0, Math.round((value - low) / step)));
  });
  for (let nibble = 0; nibble < levels.length / 4; nibble++) {
    // The memory may have held something else.
    tables[nibble * 16] = 0;
    for (let bits = 1; bits < 16; bits++) {
      const lowest = 31 - Math.clz32(bits & -bits);
      tables[nibble * 16 + bits] =
        (tables[nibble * 16 + (bits & (bits - 1))] as number) + (levels[nibble * 4 + lowest] as number);
    }
  }
}

import { damaged } from "./damage.ts";
import { Cursor } from "./varint.ts";

/** Bytes of the header that page 1 begins with: enough for `fileShapeOf`. */
export const fileHeaderBytes = 100;

export interface FileShape {
  readonly pageBytes: number;
  /** What a page has for its content: `pageBytes` without the bytes reserved at its end. */
  readonly usableBytes: number;
  readonly pageCount: number;
}

const magic = Buffer.from("SQLite format 3\0");

/** `header`: the file's first 100 bytes or more. Throws `data` when they are not those of a UTF-8 SQLite database. */
export function fileShapeOf(header: Uint8Array, fileBytes: number): FileShape {
  if (header.length < fileHeaderBytes || magic.compare(header, 0, magic.length) !== 0) {
    throw damaged("not a SQLite database");
  }
  const stored = new Cursor(header, 16, 18).u16();
  const pageBytes = stored === 1 ? 65536 : stored;
  const usableBytes = pageBytes - (header[20] ?? 0);
  // A power of two, and room for the four cells that SQLite promises to fit into every page.
  if (pageBytes < 512 || (pageBytes & (pageBytes - 1)) !== 0 || usableBytes < 480)
    throw damaged("impossible page size");
  checkReadable(header);
  const pageCount = Math.floor(fileBytes / pageBytes);
  if (pageCount < 1) throw damaged("the file is shorter than a page");
  return { pageBytes, usableBytes, pageCount };
}

/** A read version of 2 is a database in WAL mode: as readable as any once nobody writes it. */
function checkReadable(header: Uint8Array): void {
  if ((header[19] ?? 0) > 2) throw damaged("a SQLite database of an unknown version");
  // 0 only while the database has no table.
  if (new Cursor(header, 56, 60).u32() > 1) throw damaged("the text is not UTF-8");
}

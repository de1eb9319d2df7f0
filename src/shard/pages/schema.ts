import { damaged } from "./damage.ts";
import { fileShapeOf } from "./file-header.ts";
import { PageReader, type PagesOf } from "./page-reader.ts";
import { type PageSource, readFrom } from "./page-source.ts";
import { TableTree } from "./table-tree.ts";

/** What must be known of a file before its trees can be read. Plain data: as immutable as the file. */
export interface Schema {
  readonly usableBytes: number;
  /** Root pages by name. Virtual tables and views have none, and are missing. */
  readonly tables: ReadonlyMap<string, number>;
  readonly indexes: ReadonlyMap<string, number>;
}

const schemaRoot = 1;
/** Of sqlite_schema(type, name, tbl_name, rootpage, sql). */
const columns = [0, 1, 3];

/** Costs one round when everything is on page 1, as in a shard; else one a level more. Throws `data` on damage. */
export async function readSchema(source: PageSource): Promise<Schema> {
  const unknown = new PageReader({ source, usableBytes: source.pageBytes });
  const first = (await readFrom(source, unknown.raw([schemaRoot]))).get(schemaRoot) as Uint8Array;
  const { pageBytes, usableBytes } = fileShapeOf(first, source.pageCount * source.pageBytes);
  if (pageBytes !== source.pageBytes) throw damaged("the pages are of another size");
  const pages: PagesOf = { source, usableBytes, known: (page) => (page === schemaRoot ? first : undefined) };
  const roots = { table: new Map<string, number>(), index: new Map<string, number>() };
  for (const { values } of await new TableTree(pages, schemaRoot).all(columns)) {
    const [type, name, root] = values;
    if ((type !== "table" && type !== "index") || root === 0 || root === null) continue;
    if (typeof name !== "string" || typeof root !== "number") throw damaged("a line of the schema makes no sense");
    roots[type].set(name, root);
  }
  return { usableBytes, tables: roots.table, indexes: roots.index };
}

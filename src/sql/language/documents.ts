/** The one table: its columns with the types that SQLite gives their values, in the order of `*`. */
export const documentColumns = {
  id: "TEXT",
  text: "TEXT",
  metadata: "JSON",
  embedding: "BLOB",
  created_at: "TEXT",
  updated_at: "TEXT",
  pagerank: "REAL",
  word_count: "INTEGER",
} as const;

export type DocumentColumn = keyof typeof documentColumns;
export const columnNames = Object.keys(documentColumns) as readonly DocumentColumn[];
export const documentsName = "documents";

export const isDocumentColumn = (name: string): name is DocumentColumn => Object.hasOwn(documentColumns, name);

/** Names under which SQLite would show row numbers: those of a shard mean nothing to anybody else. */
export const rowNumberNames: ReadonlySet<string> = new Set(["rowid", "_rowid_", "oid"]);

export const lower = (name: string): string => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** Rows of a cell, and so of a `vec0` chunk. */
export const cellRows = 512;
/** Bumped when a reader of the old format would misread the new one. */
export const shardFormat = 4;
/** Large pages read fast in runs; a shard of a few documents would mostly be empty pages. */
export const pageSizeBytes = (documents: number): number => (documents < cellRows ? 4096 : 16384);
/** A shard of a single cell has a chunk just long enough: the scan goes by blocks of 16 rows. */
export const chunkRows = (vectors: number): number => Math.min(cellRows, Math.ceil(vectors / 16) * 16);

/** The table that the contract promises, word for word. */
export const documentsTable = `
CREATE TABLE documents(
  id TEXT PRIMARY KEY,
  text TEXT NOT NULL,
  metadata JSON,
  embedding BLOB,
  created_at TEXT DEFAULT CURRENT_TIMESTAMP,
  updated_at TEXT DEFAULT CURRENT_TIMESTAMP,
  pagerank REAL DEFAULT 0.0,
  word_count INTEGER GENERATED ALWAYS AS (length(text) - length(replace(text, ' ', '')) + 1) STORED
)`;

export const documentIndexes = `
CREATE INDEX documents_created_at ON documents(created_at);
CREATE INDEX documents_pagerank ON documents(pagerank DESC)`;

/**
 * `terms`: one row a term, in the order of UTF-8 bytes; `postings` and `positions` as src/shard/terms documents them.
 * `row_terms`: how many terms each row has. `cells`: one row a vec0 chunk, by chunk_id; factors and scales as src/shard/codes documents them. The scales have a table
 * of their own, because a scan of codes reads nothing else. `columns`: values that filters compare with, a code a row, as
 * src/shard/columns documents them. `shard`: what the file is.
 */
export const ownTables = `
CREATE TABLE shard(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE cells(
  cell INTEGER PRIMARY KEY,
  row_count INTEGER NOT NULL,
  spread REAL NOT NULL,
  centroid BLOB NOT NULL,
  exact_factors BLOB NOT NULL
);
CREATE TABLE code_factors(
  cell INTEGER PRIMARY KEY,
  scales BLOB NOT NULL
);
CREATE TABLE terms(
  number INTEGER PRIMARY KEY,
  term TEXT NOT NULL,
  documents INTEGER NOT NULL,
  postings BLOB NOT NULL
);
CREATE TABLE term_positions(
  number INTEGER PRIMARY KEY,
  positions BLOB NOT NULL
);
CREATE TABLE row_terms(
  number INTEGER PRIMARY KEY,
  counts BLOB NOT NULL
);
CREATE TABLE columns(
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  dictionary BLOB NOT NULL,
  codes BLOB NOT NULL
)`;

/** What `ShardFile` reads of a stub; the columns are those of a shard. */
export const stubTables = `
CREATE TABLE shard(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE documents(id TEXT PRIMARY KEY, rowid INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE terms(
  number INTEGER PRIMARY KEY,
  term TEXT NOT NULL,
  documents INTEGER NOT NULL,
  postings BLOB NOT NULL
);
CREATE TABLE row_terms(number INTEGER PRIMARY KEY, counts BLOB NOT NULL)`;

/** Rows whose counts of terms are one row of `row_terms`. */
export const countedRows = 4096;

/** Keys of metadata that get an index; those with the fewest values first. */
const mostIndexedKeys = 16;

/** Indexes on the plain values of metadata, where a filter can use them. */
export const metadataIndexes = (keys: readonly string[]): string =>
  keys
    .filter((key) => /^[A-Za-z_]\w{0,62}$/.test(key))
    .slice(0, mostIndexedKeys)
    .map((key) => `CREATE INDEX "documents_metadata_${key}" ON documents(metadata->>'${key}');`)
    .join("\n");

/** Its shadow tables are filled directly, a chunk a cell, in the layout that sqlite-vec 0.1.9 itself writes. */
export function vectorTable(codeBits: number, dimensions: number, metric: "cosine" | "L2", rows: number): string {
  return `CREATE VIRTUAL TABLE vec_documents USING vec0(
    code bit[${codeBits}], embedding int8[${dimensions}] distance_metric=${metric}, chunk_size=${rows})`;
}

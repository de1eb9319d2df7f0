import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { sha256, systemClock, systemRandom } from "../../../src/base/index.ts";
import {
  buildShards,
  DeadRows,
  decodeSummary,
  floatsOf,
  Kernel,
  type ShardRow,
  writeRanks,
} from "../../../src/shard/index.ts";
import type { SqlData, SqlHelp, SqlShard } from "../../../src/sql/index.ts";
import { runLimits, SqlPool, SqlRoot } from "../../../src/sql/index.ts";

export type Row = Omit<ShardRow, "embedding"> & { readonly embedding: Uint8Array | null };

/** Documents in shards and a tail, some of them dead or outdated, and one SQLite file with exactly the live ones. */
export interface World {
  readonly root: SqlRoot;
  readonly pool: SqlPool;
  readonly help: SqlHelp;
  readonly reference: Database.Database;
  close(): Promise<void>;
}

export interface WorldSpec {
  readonly shards: readonly (readonly Row[])[];
  /** Ids that were deleted by a bitmap, by shard. */
  readonly dead?: readonly (readonly string[])[];
  /** Shards whose ranks lie beside their file, in which all are out of date. */
  readonly ranked?: readonly boolean[];
  readonly tail?: readonly Row[];
  /** Ids deleted by the tail. */
  readonly tailDeletes?: readonly string[];
  readonly maxProcesses?: number;
}

export function row(id: string, more: Partial<Row> = {}): Row {
  const metadata = more.metadata ?? "{}";
  const created = more.createdAt ?? "2024-01-01 00:00:00";
  return {
    id,
    text: `text of ${id}`,
    embedding: null,
    updatedAt: created,
    pagerank: 0,
    ...more,
    metadata,
    createdAt: created,
  };
}

const documentsSql = `CREATE TABLE documents(
  id TEXT PRIMARY KEY, text TEXT NOT NULL, metadata JSON, embedding BLOB, created_at TEXT, updated_at TEXT, pagerank REAL,
  word_count INTEGER GENERATED ALWAYS AS (length(text) - length(replace(text, ' ', '')) + 1) STORED)`;

const values = (found: Row): (string | number | Uint8Array | null)[] => [
  found.id,
  found.text,
  found.metadata,
  found.embedding,
  found.createdAt,
  found.updatedAt,
  found.pagerank,
];

export async function makeWorld(spec: WorldSpec): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-sql-"));
  const { shards, dead = [], ranked = [], tailDeletes = [] } = spec;
  // A document gets its rank in a shard.
  const tail = (spec.tail ?? []).map((found) => ({ ...found, pagerank: 0 }));
  const outdated = new Set([...tail.map(({ id }) => id), ...tailDeletes]);
  const built = shards.map((rows, at) =>
    ranked[at] === true
      ? withRanks(buildOne(folder, rows.map(outranked), `s${at}`, new Set(dead[at] ?? []), outdated), rows)
      : buildOne(folder, rows, `s${at}`, new Set(dead[at] ?? []), outdated),
  );
  const data: SqlData = {
    aside: [],
    shards: built,
    tail: tail.map((found) => ({ ...found, vector: found.embedding === null ? null : floatsOf(found.embedding) })),
  };
  const live = new Map<string, Row>();
  shards.forEach((rows, at) => {
    for (const found of rows) if (!dead[at]?.includes(found.id)) live.set(found.id, found);
  });
  for (const id of tailDeletes) live.delete(id);
  for (const found of tail) live.set(found.id, found);
  const reference = new Database(":memory:");
  reference.exec(documentsSql);
  const insert = reference.prepare(
    "INSERT INTO documents(id, text, metadata, embedding, created_at, updated_at, pagerank) VALUES (?,?,?,?,?,?,?)",
  );
  for (const found of live.values()) insert.run(...values(found));
  const pool = new SqlPool({
    limits: runLimits,
    verifiedFolder: join(folder, "verified"),
    openShards: 32,
    spares: 1,
    max: spec.maxProcesses ?? 2,
    clock: systemClock,
  });
  const root = new SqlRoot({
    pool,
    limits: runLimits,
    parallel: 2,
    clock: systemClock,
    random: systemRandom,
    workFolder: folder,
  });
  const help: SqlHelp = {
    embed: async (text) => Float32Array.from([text.length, 1]),
    search: async (_kind, _query, limit) => ({
      rows: [...live.keys()].slice(0, limit).map((id, at) => ({ id, score: 1 - at / 1000 })),
      failed: [],
    }),
    snapshot: async () => data,
    file: async (ref) => ({ ...ref, path: ref.key }),
    nearFile: async (ref) => ({ ...ref, path: ref.key }),
    documents: async () => ({ documents: [], failed: [] }),
  };
  return {
    root,
    pool,
    help,
    reference,
    close: async () => {
      reference.close();
      await pool.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function buildOne(
  folder: string,
  rows: readonly Row[],
  name: string,
  dead: ReadonlySet<string>,
  outdated: ReadonlySet<string>,
): SqlShard {
  const dimensions = rows.find(({ embedding }) => embedding !== null)?.embedding?.byteLength;
  const [made] = buildShards(
    {
      folder,
      nextShardId: () => name,
      dimensions: dimensions === undefined ? null : dimensions / 4,
      distance: "l2",
      maxDocs: 100_000,
      maxBytes: 2 ** 30,
      language: "english",
      rows,
      merge: [],
      superseded: new Set(),
    },
    Kernel.load({ maxBytes: 1 << 24 }),
  );
  if (made === undefined) throw new Error("no shard was built");
  const db = new Database(made.path, { readonly: true });
  const rowids = db.prepare("SELECT rowid, id FROM documents").all() as { rowid: number; id: string }[];
  db.close();
  const gone = rowids.filter(({ id }) => dead.has(id)).map(({ rowid }) => rowid - 1);
  let deletes = null;
  if (gone.length > 0) {
    const bytes = DeadRows.none(rows.length).with(gone).encode();
    const key = `${made.path}.deletes`;
    writeFileSync(key, bytes);
    deletes = { key, sizeBytes: bytes.length, sha256: sha256(bytes) };
  }
  const bytes = readFileSync(made.path);
  return {
    id: name,
    file: { key: made.path, sizeBytes: bytes.length, sha256: sha256(bytes) },
    deletes,
    ranks: null,
    documents: rows.length,
    dead: gone.length,
    known: decodeSummary(made.summary, name),
    excluded: rows.map(({ id }) => id).filter((id) => outdated.has(id)),
  };
}

const outranked = (found: Row): Row => ({ ...found, pagerank: 0.875 });

/** The shard with the ranks of `rows` beside its file. */
function withRanks(shard: SqlShard, rows: readonly Row[]): SqlShard {
  const ranks = new Map(rows.map(({ id, pagerank }) => [id, pagerank]));
  const db = new Database(shard.file.key, { readonly: true });
  const ids = db.prepare("SELECT id FROM documents ORDER BY rowid").pluck().all() as string[];
  db.close();
  const values = Float64Array.from(ids, (id) => ranks.get(id) as number);
  const key = `${shard.file.key}.ranks`;
  writeRanks(key, shard.id, values);
  const bytes = readFileSync(key);
  const pagerank = { min: Math.min(...values), max: Math.max(...values) };
  const { ids: known, values: ranges } = shard.known;
  return {
    ...shard,
    ranks: { key, sizeBytes: bytes.length, sha256: sha256(bytes) },
    known: { ids: known, values: { ...ranges, pagerank } },
  };
}

/** The same statement on the one file. Whole numbers are bigint, as in an answer. */
export function ask(
  reference: Database.Database,
  sql: string,
  params: readonly unknown[] = [],
): { columns: string[]; rows: unknown[][] } {
  const statement = reference.prepare(sql).safeIntegers(true).raw(true);
  return { columns: statement.columns().map(({ name }) => name), rows: statement.all(...params) as unknown[][] };
}

import { sha256 } from "../../src/base/index.ts";
import type { BuildJob, BuildResult, MeasuredShard } from "../../src/ingest/index.ts";
import type { ShardRow } from "../../src/shard/index.ts";
import { DeadRows, makeSummary } from "./sim-summary.ts";

/** A simulated shard file: its rows as JSON. What a real one holds is proved elsewhere; here it is only carried about. */
export interface SimRow extends Omit<ShardRow, "embedding"> {
  readonly embedding: readonly number[] | null;
}

export const decodeRows = (bytes: Uint8Array): readonly SimRow[] =>
  JSON.parse(Buffer.from(bytes).toString("utf8")) as SimRow[];

const floats = (blob: Uint8Array): number[] => [...new Float32Array(blob.slice().buffer)];
const asSim = (row: ShardRow): SimRow => ({ ...row, embedding: row.embedding === null ? null : floats(row.embedding) });

export const encodeRows = (rows: readonly SimRow[]): Uint8Array => Buffer.from(JSON.stringify(rows));

/** Files of a process, by path; gone with it. */
export type Files = Map<string, Uint8Array>;

/** The rows with the ranks that lie beside their shard, if any do. */
export function ranked(
  rows: readonly SimRow[],
  ranks: { readonly path: string } | null,
  files: Files,
): readonly SimRow[] {
  if (ranks === null) return rows;
  const values = JSON.parse(Buffer.from(files.get(ranks.path) as Uint8Array).toString("utf8")) as number[];
  return rows.map((row, at) => ({ ...row, pagerank: values[at] as number }));
}

export class SimBuilder {
  readonly #files: Files;
  constructor(files: Files) {
    this.#files = files;
  }

  async build({ input, lookups }: BuildJob): Promise<BuildResult> {
    const found = lookups.map(({ path, ids }) => rowsOfIds(this.#read(path), ids));
    const rows = input.rows.map(asSim);
    for (const { path, rows: count, deadBits, ranks } of input.merge) {
      const dead = deadBits === null ? DeadRows.none(count) : new DeadRows(count, deadBits, 0);
      rows.push(
        ...ranked(this.#read(path), ranks, this.#files).filter(
          ({ id }, row) => !dead.isDead(row) && !input.superseded.has(id),
        ),
      );
    }
    const ids = [...input.shardIds];
    const shards: MeasuredShard[] = [];
    for (let from = 0; from < rows.length; from += input.maxDocs) {
      const part = rows.slice(from, from + input.maxDocs);
      shards.push(
        writeShard(this.#files, input.folder, ids.shift() as string, part, from + input.maxDocs < rows.length),
      );
    }
    return { found, shards };
  }

  async discard(folder: string): Promise<void> {
    for (const path of [...this.#files.keys()]) if (path.startsWith(folder)) this.#files.delete(path);
  }

  #read(path: string): readonly SimRow[] {
    return decodeRows(this.#files.get(path) as Uint8Array);
  }
}

export const rowsOfIds = (rows: readonly SimRow[], ids: readonly string[]): number[] =>
  ids.map((id) => rows.findIndex((row) => row.id === id)).filter((row) => row >= 0);

export function writeShard(
  files: Files,
  folder: string,
  shard: string,
  rows: readonly SimRow[],
  full: boolean,
): MeasuredShard {
  const path = `${folder}/${shard}.db`;
  const bytes = Buffer.from(JSON.stringify(rows));
  files.set(path, bytes);
  const times = rows.map(({ createdAt }) => createdAt).sort();
  return {
    shard,
    path,
    file: { sizeBytes: bytes.length, sha256: sha256(bytes) },
    summary: makeSummary(shard, rows),
    terms: Buffer.from(shard),
    documents: rows.length,
    vectors: rows.length,
    cells: 1,
    createdAt: { min: times[0] ?? "", max: times.at(-1) ?? "" },
    full,
  };
}

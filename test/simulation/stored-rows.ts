import { isFrozen, liveKeys, type Manifest, type ShardEntry } from "../../src/manifest/index.ts";
import type { Bucket } from "./bucket.ts";
import { decodeRows, type SimRow } from "./sim-shards.ts";
import { DeadRows } from "./sim-summary.ts";
import { violated } from "./violation.ts";

/** A live row of a shard, as the bucket's objects have it. */
export interface StoredRow {
  readonly id: string;
  readonly text: string;
  /** Of this version of the document: no other write ever made the same. */
  readonly identity: string;
  readonly rank: number;
  /** The object of ranks that lies beside its shard. */
  readonly ranks: string | undefined;
  readonly shard: string;
  readonly archived: boolean;
  /** Whether its file must be restored before it can be read. */
  readonly held: boolean;
}

/** Rows of a file are decoded once. */
const decoded = new WeakMap<Uint8Array, readonly SimRow[]>();

function rowsOf(bytes: Uint8Array): readonly SimRow[] {
  const known = decoded.get(bytes) ?? decodeRows(bytes);
  decoded.set(bytes, known);
  return known;
}

/** The live rows of a manifest's shards. Checks on the way that its objects are there, and are what they should be. */
export function storedRows(bucket: Bucket, manifest: Manifest): readonly StoredRow[] {
  for (const key of liveKeys(manifest)) if (!bucket.objects.has(key)) violated(`${key} is live and gone`);
  const rows = manifest.shards.flatMap((entry) => rowsOfShard(bucket, entry));
  const ids = new Set<string>();
  for (const { id } of rows) {
    if (ids.has(id)) violated(`${id} is live twice`);
    ids.add(id);
  }
  return rows;
}

function rowsOfShard(bucket: Bucket, entry: ShardEntry): readonly StoredRow[] {
  const { file, deletes, documents, archived, ranks, id: shard } = entry;
  const kept = bucket.objects.get(file.key);
  const storageClass = archived?.storageClass ?? "STANDARD";
  if (kept?.info.storageClass !== storageClass) violated(`${file.key} is not in the class ${storageClass}`);
  const bytesOf = (key: string): Uint8Array => bucket.objects.get(key)?.bytes ?? violated(`${key} is live and gone`);
  const rows = rowsOf(bytesOf(file.key));
  const dead = deletes === null ? DeadRows.none(documents) : DeadRows.decode(bytesOf(deletes.key), deletes.key);
  const values = ranks === undefined ? rows.map(({ pagerank }) => pagerank) : ranksIn(bytesOf(ranks.key));
  if (values.length !== rows.length) violated(`the ranks of ${shard} are not of its rows`);
  const place = { shard: shard as string, archived: archived !== undefined, held: isFrozen(entry), ranks: ranks?.key };
  return rows.flatMap(({ id, text, metadata }, row) =>
    dead.isDead(row)
      ? []
      : [{ id, text, identity: `${id} ${text} ${metadata}`, rank: values[row] as number, ...place }],
  );
}

const ranksIn = (bytes: Uint8Array): readonly number[] =>
  JSON.parse(Buffer.from(bytes).toString("utf8")) as readonly number[];

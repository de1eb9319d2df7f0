import { asMosaicError, MosaicError, serializeError, sha256 } from "../../src/base/index.ts";
import type { Machinery } from "../../src/engine/index.ts";
import type { MeasuredShard } from "../../src/ingest/index.ts";
import type { CompactorThread } from "../../src/lifecycle/index.ts";
import type { LeafReply, LeafRequest, LeafTransport, ShardTarget } from "../../src/search/index.ts";
import type { Expected, Pin } from "../../src/shard/index.ts";
import type { ObjectStore } from "../../src/store/index.ts";
import { SimRanker } from "./sim-ranks.ts";
import {
  decodeRows,
  encodeRows,
  type Files,
  ranked,
  rowsOfIds,
  SimBuilder,
  type SimRow,
  writeShard,
} from "./sim-shards.ts";
import { DeadRows } from "./sim-summary.ts";

interface Ref {
  readonly key: string;
  readonly sha256: string;
}

export interface MachineryBugs {
  /** Rows that died while a compaction ran are forgotten. */
  readonly forgetLaterDeletes?: boolean;
  /** The stub of an archived shard knows no ids. */
  readonly emptyStubs?: boolean;
  /** A compaction copies rows without the ranks that lie beside their shard. */
  readonly dropRanks?: boolean;
  /** Ranks are written in the order of the live rows, not of all. */
  readonly ranksOfOtherRows?: boolean;
}

/** What a process does its heavy work with: the same interfaces, rows as JSON, files in memory. */
export function simMachinery(store: ObjectStore, files: Files, bugs: MachineryBugs): Machinery {
  const path = async ({ key, sha256: expected }: Ref): Promise<string> => {
    if (!files.has(key)) files.set(key, await fetched(store, key, expected));
    return key;
  };
  return {
    localObjects: {
      pin: async (ref: Ref) => pinOf(await path(ref)),
      trust: () => undefined,
      drop: async () => false,
      find: async () => undefined,
      bytes: 0,
      count: 0,
    } as unknown as Machinery["localObjects"],
    builder: new SimBuilder(files),
    compactor: new SimCompactor(files, bugs),
    ranker: new SimRanker(files, bugs.ranksOfOtherRows === true),
    leaves: new SimLeaves(store, path, files),
    workFolder: "work",
    warm: () => undefined,
    close: async () => undefined,
  };
}

/** Files in memory stay anyway. */
const pinOf = (path: string): Pin => ({
  path,
  again: () => pinOf(path),
  release: () => undefined,
  [Symbol.dispose]: () => undefined,
});

async function fetched(store: ObjectStore, key: string, expected: string): Promise<Uint8Array> {
  const got = await store.get(key);
  if (got.status !== "found") throw new MosaicError("data", "fetch object", { code: "object_missing", key });
  if (sha256(got.bytes) !== expected) throw new MosaicError("data", "fetch object", { code: "shard_damaged", key });
  return got.bytes;
}

type Plan = Parameters<CompactorThread["plan"]>[0];
type Source = Plan["sources"][number];

class SimCompactor implements CompactorThread {
  readonly #files: Files;
  readonly #bugs: MachineryBugs;
  #regions: readonly (readonly SimRow[])[] = [];

  constructor(files: Files, bugs: MachineryBugs) {
    this.#files = files;
    this.#bugs = bugs;
  }

  async plan({
    sources,
    limits,
    partition,
  }: Plan): Promise<readonly { readonly rows: number; readonly leaf: number }[]> {
    const rows = sources.flatMap((source) => {
      const dead =
        source.deadBits === null ? DeadRows.none(source.documents) : new DeadRows(source.documents, source.deadBits, 0);
      const ranks = this.#bugs.dropRanks ? null : source.ranks;
      return ranked(this.#rows(source), ranks, this.#files).filter((_row, at) => !dead.isDead(at));
    });
    const sorted = [...rows].sort((a, b) => (a.id < b.id ? -1 : 1));
    this.#regions = Array.from({ length: Math.ceil(sorted.length / limits.maxDocs) }, (_, region) =>
      sorted.slice(region * limits.maxDocs, (region + 1) * limits.maxDocs),
    );
    return this.#regions.map((region, at) => ({ rows: region.length, leaf: partition === undefined ? 0 : at % 2 }));
  }

  async build(region: number, folder: string, shardIds: readonly string[]): Promise<readonly MeasuredShard[]> {
    return [writeShard(this.#files, folder, shardIds[0] as string, this.#regions[region] ?? [], false)];
  }
  async discard(path: string): Promise<void> {
    this.#files.delete(path);
  }
  async ids(source: Source, rows: readonly number[]): Promise<readonly string[]> {
    return this.#bugs.forgetLaterDeletes ? [] : rows.map((row) => this.#rows(source)[row]?.id as string);
  }
  async rows(source: Source, ids: readonly string[]): Promise<readonly (number | undefined)[]> {
    return ids.map((id) => rowsOfIds(this.#rows(source), [id])[0]);
  }
  async terms(): Promise<undefined> {
    return undefined;
  }
  async stub({ path }: Parameters<CompactorThread["stub"]>[0], to: string): Promise<Expected> {
    const rows = this.#bugs.emptyStubs ? [] : decodeRows(this.#files.get(path) as Uint8Array);
    const bytes = encodeRows(rows.map((row) => ({ ...row, text: "", metadata: "{}", embedding: null })));
    this.#files.set(to, bytes);
    return { sizeBytes: bytes.length, sha256: sha256(bytes) };
  }
  async done(): Promise<void> {
    this.#regions = [];
  }

  #rows({ path }: Source): readonly SimRow[] {
    return decodeRows(this.#files.get(path) as Uint8Array);
  }
}

class SimLeaves implements LeafTransport {
  readonly #store: ObjectStore;
  readonly #path: (ref: Ref) => Promise<string>;
  readonly #files: Files;

  constructor(store: ObjectStore, path: (ref: Ref) => Promise<string>, files: Files) {
    this.#store = store;
    this.#path = path;
    this.#files = files;
  }

  async ask(request: LeafRequest): Promise<LeafReply> {
    const replies = await Promise.all(request.shards.map((target) => this.#shard(request, target)));
    return {
      hits: replies.flatMap(({ hits }) => hits),
      rows: replies.flatMap(({ rows }) => rows),
      failed: replies.flatMap(({ failed }) => failed),
      work: { cellsSearched: 0, rowsScanned: 0, rowsRescored: 0, computeMs: 0 },
    };
  }

  async #shard(request: LeafRequest, target: ShardTarget): Promise<Pick<LeafReply, "hits" | "rows" | "failed">> {
    const { entry } = target;
    try {
      const rows = decodeRows(this.#files.get(await this.#path(entry.file)) as Uint8Array);
      const dead =
        entry.deletes === null
          ? DeadRows.none(entry.documents)
          : DeadRows.decode(await fetched(this.#store, entry.deletes.key, entry.deletes.sha256), entry.deletes.key);
      const live = rows.map((row, at) => ({ row, at })).filter(({ at }) => !dead.isDead(at));
      if (request.kind === "lookup") {
        const { ids } = request.shards.find((one) => one.entry.id === entry.id) as { readonly ids: readonly string[] };
        const found = live.filter(({ row }) => ids.includes(row.id));
        return {
          hits: [],
          failed: [],
          rows: found.map(({ row, at }) => ({
            id: row.id,
            shard: entry.id,
            row: at,
            document: documentOf(row),
            vector: vectorOf(row),
          })),
        };
      }
      const wanted = live.filter(({ row }) => !target.excluded.includes(row.id));
      return {
        rows: [],
        failed: [],
        hits: wanted.map(({ row }) => ({ id: row.id, score: 0, document: documentOf(row), vector: null })),
      };
    } catch (error) {
      return {
        hits: [],
        rows: [],
        failed: [{ shard: entry.id, error: serializeError(asMosaicError(error, "search shard")) }],
      };
    }
  }
}

const documentOf = ({ text, metadata, createdAt, updatedAt }: SimRow) => ({ text, metadata, createdAt, updatedAt });
const vectorOf = ({ embedding }: SimRow): Float32Array | null =>
  embedding === null ? null : Float32Array.from(embedding);

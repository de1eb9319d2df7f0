import type { ArchiveClass, Scope, ShardId } from "../base/index.ts";

export type Distance = "cosine" | "l2" | "dot";
export type Precision = "float32" | "int8";

/** What a collection was made with. `dimensions` and `embeddingModel` are fixed by the first vector at the latest. */
export interface CollectionSettings {
  readonly dimensions: number | null;
  readonly distance: Distance;
  readonly embeddingModel: string;
  readonly precision: Precision;
  readonly language: string;
  readonly clusterBy: string;
  readonly shardMaxDocs: number;
  /** How searches rank unless they say how: as the API takes it. Absent or null: their own default. */
  readonly ranker?: unknown;
  /** Shards whose documents are all as old are archived, into this class. Absent: as the process's settings say. */
  readonly archiveAfterDays?: number;
  readonly archiveClass?: ArchiveClass;
}

/** An object that the manifest names: where it is, and what its bytes must be. */
export interface ObjectRef {
  readonly key: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The dead rows of a shard. A new generation is a new object; the old one stays as it was. */
export interface DeletesRef extends ObjectRef {
  readonly generation: number;
  readonly count: number;
}

/** PageRanks of a shard's rows that count instead of those in its file, with the least and the largest of them. */
export interface RanksRef extends ObjectRef {
  readonly min: number;
  readonly max: number;
}

/** Of a shard whose file lies in a colder class of storage. Folds and compactions leave it alone. */
export interface Archived {
  readonly storageClass: ArchiveClass;
  readonly at: string;
  /** Where the file must be restored before it can be read: what is needed of it meanwhile. Null: it is read as it is. */
  readonly stub: ObjectRef | null;
  readonly restoreAskedAt: string | null;
}

export type ShardStatus = "active" | "sealed" | "compacted";

export interface ShardEntry {
  readonly id: ShardId;
  readonly file: ObjectRef;
  readonly summary: ObjectRef;
  /** Which terms its texts hold, and in how many rows. */
  readonly terms: ObjectRef;
  readonly deletes: DeletesRef | null;
  /** Absent: the file's own ranks count. */
  readonly ranks?: RanksRef;
  /** Rows in the file, dead ones included. */
  readonly documents: number;
  /** Rows with a vector: they come first in the file. */
  readonly vectors: number;
  readonly cells: number;
  /** Shards of one build share it: their rows were put into cells together, so each cell is as compact as the whole allows. */
  readonly build: string;
  /** Smallest and largest `created_at` of its rows. */
  readonly createdAt: { readonly min: string; readonly max: string };
  /** `sealed` once it reached the limits of rotation: folds leave it alone. `compacted`: written by compaction. */
  readonly status: ShardStatus;
  /** When its file was written, or came back from an archive; absent in what older versions wrote. */
  readonly placedAt?: string;
  /** Absent: its file is where new ones are. */
  readonly archived?: Archived;
}

/**
 * Objects that the manifest stopped naming with `generation`. They are kept for readers of older generations, and may be
 * deleted once a swap has said so by `deleting`: before that nobody deletes them, after that nobody names them again.
 */
export interface Condemned {
  readonly generation: number;
  /** The first older generation whose kept manifest goes with them. */
  readonly since: number;
  readonly atMs: number;
  readonly deleting: boolean;
  readonly keys: readonly string[];
  /** WAL segments, first and last sequence. */
  readonly wal: readonly [number, number] | null;
}

/** A collection that was branched off this one, and uses some of its objects: they are not deleted while it does. */
export interface Branch {
  readonly collection: string;
  readonly incarnation: string;
  readonly atMs: number;
  readonly keys: readonly string[];
}

/** The whole truth of a collection at one generation. Replaced only by compare-and-swap. */
export interface Manifest {
  readonly format: 1;
  readonly tenant: string;
  readonly collection: string;
  /** Differs when a collection is deleted and made again under the same name. */
  readonly incarnation: string;
  readonly generation: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly settings: CollectionSettings;
  /** Every segment up to this sequence is in the shards; the tail begins after it. */
  readonly foldedThrough: number;
  /** When the last fold was swapped in. */
  readonly foldedAt: string | null;
  /** When the last compaction step was swapped in, and the token of the lease that it held. */
  readonly compactedAt: string | null;
  readonly fence: number;
  /** When ranks were last computed; absent before. */
  readonly rankedAt?: string;
  readonly shards: readonly ShardEntry[];
  /** Shards that are damaged beyond repair: queries go without them, and what is left of their objects is kept. */
  readonly quarantined: readonly ShardEntry[];
  readonly condemned: readonly Condemned[];
  /** Generations from this one on are kept in manifests/, as far as their objects are. */
  readonly historyFrom: number;
  readonly branches: readonly Branch[];
  /** True in the last generation of a collection: whoever reads it finds no collection. */
  readonly deleted: boolean;
  /** Together with `deleted`: nothing yet rather than no longer, a branch that its maker may still let appear here. */
  readonly reserved: boolean;
}

export const manifestKey = "manifest.json";
const padded = (sequence: number): string => String(sequence).padStart(12, "0");
export const segmentKey = (sequence: number): string => `wal/${padded(sequence)}`;
export const historyKey = (generation: number): string => `manifests/${padded(generation)}.json`;
export const sequenceOfSegment = (key: string): number => Number(key.slice(key.lastIndexOf("/") + 1));

/** The manifest of a collection without documents. WAL sequences up to `foldedThrough` are left-overs to ignore. */
export function emptyManifest(
  scope: Scope,
  settings: CollectionSettings,
  made: {
    readonly incarnation: string;
    readonly at: string;
    readonly foldedThrough: number;
    readonly generation?: number;
  },
): Manifest {
  return Object.freeze({
    format: 1,
    tenant: scope.tenant,
    collection: scope.collection,
    incarnation: made.incarnation,
    generation: made.generation ?? 1,
    createdAt: made.at,
    updatedAt: made.at,
    settings,
    foldedThrough: made.foldedThrough,
    foldedAt: null,
    compactedAt: null,
    fence: 0,
    shards: [],
    quarantined: [],
    condemned: [],
    historyFrom: made.generation ?? 1,
    branches: [],
    deleted: false,
    reserved: false,
  });
}

export const liveDocuments = (shard: ShardEntry): number => shard.documents - (shard.deletes?.count ?? 0);

/** Every key that this manifest needs to answer, the tail's segments aside. */
export const liveKeys = ({ shards }: Pick<Manifest, "shards">): readonly string[] => shards.flatMap(keysOfShard);

/** Keys of shards that no query reads, and that nothing may delete all the same. */
export const quarantinedKeys = ({ quarantined }: Pick<Manifest, "quarantined">): readonly string[] =>
  quarantined.flatMap(keysOfShard);

/**
 * Whether objects that were put when `generation` was current are certainly still there, and may be named: gc takes what
 * nothing names for litter once it is old, so whoever slept in between finds it condemned, or, when what was condemned
 * since then has been deleted and forgotten, can't tell.
 */
export function isStillStored(current: Manifest, generation: number, keys: readonly string[]): boolean {
  const condemned = new Set(current.condemned.flatMap((one) => one.keys));
  return current.historyFrom <= generation && !keys.some((key) => condemned.has(key));
}

const keysOfShard = ({ file, summary, terms, deletes, archived, ranks }: ShardEntry): readonly string[] =>
  [file, summary, terms, deletes, archived?.stub, ranks].flatMap((ref) => (ref == null ? [] : [ref.key]));

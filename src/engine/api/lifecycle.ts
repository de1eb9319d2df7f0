import type { ArchiveClass, RestoreSpeed } from "../../base/index.ts";

export interface VerifyProblem {
  readonly object: string;
  readonly code: string;
  readonly detail: string;
}
export interface VerifyOptions {
  /** Makes whole what can be, and sets the rest aside, before it looks. Deletes nothing. */
  readonly repair?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly documents: number;
  readonly shards: number;
  readonly objects: number;
  readonly bytes: number;
  readonly problems: readonly VerifyProblem[];
  /** Shards that a repair has set aside: answers go without them, and say so. */
  readonly quarantined: readonly { readonly shard: string; readonly documents: number }[];
  /** Shards of a colder class; of those that must be restored first only what is kept beside them was proved. */
  readonly archived: readonly {
    readonly shard: string;
    readonly storage_class: string;
    readonly documents: number;
    readonly needs_restore: boolean;
  }[];
  /** What was repaired just now. */
  readonly repairs: readonly VerifyRepair[];
}

export interface VerifyRepair {
  readonly object: string;
  readonly action: "restored" | "rebuilt" | "quarantined" | "dropped";
  readonly detail: string;
}

/** Exactly one of `shards` and `older_than`. */
export interface ArchiveRequest {
  /** Their ids, as `stats` lists them. */
  readonly shards?: readonly string[];
  /** Days or hours, `90d` or `12h`: shards whose newest document is older, by `created_at`. */
  readonly older_than?: string;
  /** As the collection or the settings say when absent. */
  readonly storage_class?: ArchiveClass;
}

export interface RestoreRequest {
  /** All that are archived when absent. */
  readonly shards?: readonly string[];
  /** How fast storage restores what must be restored; `standard` when absent. */
  readonly speed?: RestoreSpeed;
}

export interface GarbageReport {
  /** Objects that nothing names: left behind by a crash. */
  readonly orphans: readonly { readonly key: string; readonly bytes: number }[];
  readonly bytes: number;
  /** Objects that are kept for older generations only. */
  readonly condemned: number;
  /** False when nothing was to be changed. */
  readonly collected: boolean;
}

/** Long work: begun by one call, followed by others, from any process. */
export interface JobInfo {
  readonly id: string;
  readonly kind: string;
  readonly collection: string;
  readonly status: "running" | "done" | "failed" | "cancelled";
  readonly created_at: string;
  readonly updated_at: string;
  /** Nothing happens before this time; the job goes on by itself then. */
  readonly waits_until: string | null;
  readonly progress: { readonly done: number; readonly total: number; readonly unit: string };
  readonly result: Readonly<Record<string, number>> | null;
  readonly error: { readonly code: string; readonly detail: string } | null;
}

/** How ranks are computed; see docs/api.md. */
export interface PageRankOptions {
  /** Chance to follow a link rather than to jump anywhere: 0 to below 1, 0.85 by default. */
  readonly damping?: number | undefined;
  /** The most that are run: 1 to 1000, 20 by default. */
  readonly iterations?: number | undefined;
  /** Ends earlier when the ranks together changed by less than this, times the documents. By default (0) never. */
  readonly tolerance?: number | undefined;
  /** The key of metadata whose list of ids, or one id, are a document's links; `outbound_links` by default. */
  readonly links?: string | undefined;
}

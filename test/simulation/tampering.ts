import { type DeletesRef, decodeManifest, encodeManifest, type Manifest } from "../../src/manifest/index.ts";
import type { Bucket } from "./bucket.ts";
import type { SimProcess } from "./world.ts";

/** Bugs that are planted in the manifests that a process puts, behind its own checks. */
export interface TamperingBugs {
  /** A shard that moves has the dead rows that it had when its file was copied. */
  readonly moveAsItWas?: boolean;
  /** A rollback leaves the log as it is. */
  readonly rollbackKeepsLog?: boolean;
  /** A collection that is made where one was deleted numbers its segments from 1. */
  readonly reuseSequences?: boolean;
}

const isManifest = (key: string): boolean => key.endsWith("/manifest.json");

/** What such a bug makes of a manifest, on its way to the bucket. */
export class Tampering {
  readonly #bucket: Bucket;
  readonly #process: SimProcess;
  readonly #bugs: TamperingBugs;
  /** Dead rows of a shard at the moment of the copy, by the copy's key. */
  readonly #copied = new Map<string, DeletesRef | null>();

  constructor(bucket: Bucket, process: SimProcess, bugs: TamperingBugs) {
    this.#bucket = bucket;
    this.#process = process;
    this.#bugs = bugs;
  }

  copied(from: string, to: string): void {
    if (this.#bugs.moveAsItWas !== true) return;
    const entry = this.#current(from)?.shards.find(({ file }) => file.key === from);
    if (entry !== undefined) this.#copied.set(to, entry.deletes);
  }

  put(key: string, bytes: Uint8Array): Uint8Array {
    const { moveAsItWas, rollbackKeepsLog, reuseSequences } = this.#bugs;
    const isPlanted = moveAsItWas || rollbackKeepsLog || reuseSequences;
    const current = isManifest(key) && isPlanted ? this.#current(key) : undefined;
    if (current === undefined) return bytes;
    const next = decodeManifest(bytes, key);
    if (moveAsItWas) return encodeManifest(this.#asItWas(next, current));
    const rolledBack = rollbackKeepsLog && this.#process.rollingBack > 0 && next.incarnation === current.incarnation;
    if (rolledBack) return encodeManifest({ ...next, foldedThrough: current.foldedThrough });
    if (reuseSequences && next.incarnation !== current.incarnation)
      return encodeManifest({ ...next, foldedThrough: 0 });
    return bytes;
  }

  #asItWas(next: Manifest, current: Manifest): Manifest {
    const before = new Set(current.shards.map(({ file }) => file.key));
    const shards = next.shards.map((entry) => {
      const deletes = before.has(entry.file.key) ? undefined : this.#copied.get(entry.file.key);
      return deletes === undefined ? entry : { ...entry, deletes };
    });
    return { ...next, shards };
  }

  /** Of the collection that a key belongs to. */
  #current(key: string): Manifest | undefined {
    const kept = this.#bucket.objects.get(`${key.split("/").slice(0, 3).join("/")}/manifest.json`);
    return kept === undefined ? undefined : decodeManifest(kept.bytes, key);
  }
}

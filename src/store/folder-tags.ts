import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { LRUCache } from "lru-cache";
import type { Clock } from "../base/index.ts";

/** Smaller objects are identified by their content, larger ones by what the file system says of the file. */
export const hashedBytes = 1 << 20;
/** File times may be this coarse: a younger file could change again without its times showing it. */
const racyMs = 100;

export const contentTag = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");
/** Of a large object: what changes when it is replaced. */
export const tagOf = ({ ino, size, mtimeNs }: BigIntStats): string =>
  contentTag(Buffer.from(`${ino}:${size}:${mtimeNs}`));
const identityOf = ({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string => `${ino}:${size}:${mtimeNs}:${ctimeNs}`;

interface Tagged {
  readonly identity: string;
  readonly etag: string;
}

/** ETags of files that were read, for as long as the file system says that they are the same files. */
export class FolderTags {
  readonly #clock: Clock;
  readonly #tags = new LRUCache<string, Tagged>({ max: 10_000 });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  known(path: string, stats: BigIntStats): string | undefined {
    const known = this.#tags.get(path);
    return known !== undefined && known.identity === identityOf(stats) ? known.etag : undefined;
  }

  remember(path: string, stats: BigIntStats, content: Uint8Array | undefined): string {
    const identity = identityOf(stats);
    const etag = content === undefined ? tagOf(stats) : contentTag(content);
    // As git does: a file that is as young as its clock is coarse may yet change unseen, so it is read again next time.
    if (this.#clock.now() - Number(stats.ctimeNs / 1_000_000n) > racyMs) this.#tags.set(path, { identity, etag });
    return etag;
  }
}

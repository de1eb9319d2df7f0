import { readdirSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { seededRandom, sha256, systemClock, systemRandom } from "../../../../src/base/index.ts";
import {
  type ImmutableRef,
  LocalObjects,
  type LocalObjectsOptions,
  VerifiedFiles,
} from "../../../../src/shard/index.ts";
import { MemoryStore, type ObjectInfo, type ObjectStore } from "../../../../src/store/index.ts";
import { PassingStore } from "../../../engine/support/stores.ts";

export async function temporaryFolder(parent = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(parent, "mosaic-cache-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The bytes of object number `at`: always the same. */
export function bytesOf(at: number, sizeBytes: number): Uint8Array {
  const next = seededRandom(at + 1);
  return Uint8Array.from({ length: sizeBytes }, () => next() * 256);
}

export const refOf = (at: number, bytes: Uint8Array): ImmutableRef => ({
  key: `objects/${at}`,
  sizeBytes: bytes.length,
  sha256: sha256(bytes),
});

/** Objects of `sizeBytes` each, numbered from 0. */
export async function storeOf(count: number, sizeBytes: number): Promise<{ store: SlowStore; refs: ImmutableRef[] }> {
  const store = new MemoryStore();
  const refs: ImmutableRef[] = [];
  for (let at = 0; at < count; at++) {
    const bytes = bytesOf(at, sizeBytes);
    refs.push(refOf(at, bytes));
    await store.put(`objects/${at}`, bytes);
  }
  return { store: new SlowStore(store), refs };
}

/** Downloads take a moment, and are counted. */
export class SlowStore extends PassingStore {
  downloads: string[] = [];
  delayMs = 5;

  override async download(key: string, path: string): Promise<ObjectInfo | undefined> {
    this.downloads.push(key);
    await systemClock.sleep(this.delayMs);
    return await super.download(key, path);
  }
}

export interface CacheOptions extends Partial<LocalObjectsOptions> {
  readonly store: ObjectStore;
  /** Of the cache as a whole: the objects lie in `objects`, the notes on checksums in `verified`. */
  readonly cachePath: string;
}

export function openCache({ cachePath, ...options }: CacheOptions): LocalObjects {
  const objects = new LocalObjects({
    clock: systemClock,
    random: systemRandom,
    verified: new VerifiedFiles(join(cachePath, "verified")),
    folder: join(cachePath, "objects"),
    maxBytes: 1 << 30,
    spareFolders: [tmpdir()],
    onHit: () => undefined,
    ...options,
  });
  onTestFinished(() => objects.close());
  return objects;
}

/**
 * What `du` says of the files in a folder, those under construction included; undefined when some came or went
 * meanwhile, since what never lay there together must not be summed up.
 */
export function diskUse(folder: string): number | undefined {
  const before = namesIn(folder);
  const sizes = before.map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.blocks ?? 0);
  const same = namesIn(folder).join() === before.join();
  return same ? sizes.reduce((sum, blocks) => sum + blocks * 512, 0) : undefined;
}

const namesIn = (folder: string): readonly string[] => (isThere(folder) ? readdirSync(folder).sort() : []);

export const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

/** Samples the disk use of a folder until it is stopped; returns the most that it saw. */
export function watch(folder: string): { stop(): Promise<number> } {
  let most = 0;
  let running = true;
  const watching = (async () => {
    while (running) {
      most = Math.max(most, diskUse(folder) ?? 0);
      await systemClock.sleep(1);
    }
  })();
  return {
    stop: async () => {
      running = false;
      await watching;
      return most;
    },
  };
}

import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Clock, sha256, systemClock } from "../../../src/base/index.ts";
import type { ImmutableRef, LocalObjects } from "../../../src/shard/index.ts";
import { errorOf } from "../../engine/support/engine.ts";
import { bytesOf, isThere, openCache, storeOf, temporaryFolder } from "./support/cache.ts";
import { canMount, needsMount, remount, smallDisk } from "./support/tmpfs.ts";

const kib = 1024;

/** Pins each object and compares its bytes; returns where they lay. */
async function readAll(cache: LocalObjects, refs: readonly ImmutableRef[]): Promise<string[]> {
  const paths: string[] = [];
  for (const ref of refs) {
    using pin = await cache.pin(ref);
    expect(sha256(await readFile(pin.path))).toBe(ref.sha256);
    paths.push(pin.path);
  }
  return paths;
}

describe.skipIf(!canMount)(`a disk that is full${needsMount}`, () => {
  test("of other things: objects are read from elsewhere, and from the cache again once there is room", async () => {
    const { store, refs } = await storeOf(2, 300 * kib);
    const [cachePath, spare] = [smallDisk(1024), await temporaryFolder()];
    await writeFile(join(cachePath, "other"), bytesOf(0, 900 * kib));
    let nowMs = 0;
    const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
    const cache = openCache({ store, cachePath, clock, spareFolders: [spare] });
    for (const path of await readAll(cache, refs)) expect(path.startsWith(spare)).toBe(true);
    expect(await readdir(join(cachePath, "objects"))).toEqual([]);
    expect((await readdir(spare, { recursive: true })).filter((name) => name.includes("-300"))).toEqual([]);
    await rm(join(cachePath, "other"));
    nowMs += 60_000;
    for (const path of await readAll(cache, refs)) expect(path.startsWith(cachePath)).toBe(true);
  });

  test("of the cache's own files, although the bound allows more: older ones make room", async () => {
    const { store, refs } = await storeOf(5, 300 * kib);
    const cachePath = smallDisk(1024);
    const cache = openCache({ store, cachePath, spareFolders: [] });
    for (const path of await readAll(cache, refs)) expect(path.startsWith(cachePath)).toBe(true);
    expect((await readdir(join(cachePath, "objects"))).length).toBe(3);
  });

  test("and everything else with it: the error says which setting to change", async () => {
    const { store, refs } = await storeOf(1, 300 * kib);
    const cachePath = smallDisk(128);
    const cache = openCache({ store, cachePath, spareFolders: [cachePath, join(cachePath, "none")] });
    const error = await errorOf(cache.pin(refs[0] as ImmutableRef));
    expect(error).toMatchObject({ kind: "unavailable", code: "cache_unavailable" });
    expect(String((error as { hint?: string }).hint)).toContain("CACHE_PATH");
    expect(String((error as { detail?: string }).detail)).not.toContain(cachePath);
  });
});

describe.skipIf(!canMount)(`a disk that is read-only${needsMount}`, () => {
  test("still serves what it holds; the rest is read from elsewhere, and damage too", async () => {
    const { store, refs } = await storeOf(3, 100 * kib);
    const [cachePath, spare] = [smallDisk(1024), await temporaryFolder()];
    await readAll(openCache({ store, cachePath }), refs.slice(0, 2));
    const damaged = refs[1] as ImmutableRef;
    await writeFile(join(cachePath, "objects", `${damaged.sha256}-${damaged.sizeBytes}`), bytesOf(8, 100 * kib));
    remount(cachePath, "ro");
    store.downloads = [];
    const cache = openCache({ store, cachePath, spareFolders: [spare] });
    const [held, elsewhere] = await readAll(cache, [refs[0], refs[2]] as ImmutableRef[]);
    expect(held?.startsWith(cachePath)).toBe(true);
    expect(elsewhere?.startsWith(spare)).toBe(true);
    expect(store.downloads).toEqual(["objects/2"]);
    expect(await cache.drop(damaged)).toBe(true);
    expect((await readAll(cache, [damaged]))[0]?.startsWith(spare)).toBe(true);
  });
});

describe("a cache folder that can't be made", () => {
  test("because its path leads through a file: everything is read from elsewhere", async () => {
    const { store, refs } = await storeOf(2, 20 * kib);
    const [folder, spare] = [await temporaryFolder(), await temporaryFolder()];
    await writeFile(join(folder, "file"), "");
    const cache = openCache({ store, cachePath: join(folder, "file", "cache"), spareFolders: [spare] });
    for (const path of await readAll(cache, refs)) {
      expect(path.startsWith(spare)).toBe(true);
      expect(isThere(path)).toBe(false);
    }
  });

  test("and no other folder either: the error names the setting", async () => {
    const { store, refs } = await storeOf(1, 20 * kib);
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    const below = join(folder, "file", "cache");
    const cache = openCache({ store, cachePath: below, spareFolders: [below] });
    expect(await errorOf(cache.pin(refs[0] as ImmutableRef))).toMatchObject({ code: "cache_unavailable" });
  });
});

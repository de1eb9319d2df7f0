import { open, readdir, readFile, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sha256, systemClock } from "../../../src/base/index.ts";
import { type ImmutableRef, VerifiedFiles, withFiles } from "../../../src/shard/index.ts";
import { errorOf } from "../../engine/support/engine.ts";
import { bytesOf, diskUse, isThere, openCache, refOf, storeOf, temporaryFolder, watch } from "./support/cache.ts";

const kib = 1024;
const contentOf = async (path: string): Promise<string> => sha256(await readFile(path));
const first = <T>(list: readonly T[]): T => list[0] as T;

describe("an object", () => {
  test("is downloaded once, however many ask for it at once; each pins it for itself", async () => {
    const { store, refs } = await storeOf(1, 20 * kib);
    const cachePath = await temporaryFolder();
    let hits = 0;
    const cache = openCache({ store, cachePath, maxBytes: 24 * kib, onHit: () => hits++ });
    const pins = await Promise.all(Array.from({ length: 50 }, () => cache.pin(first(refs))));
    expect(store.downloads).toEqual(["objects/0"]);
    expect(new Set(pins.map(({ path }) => path)).size).toBe(1);
    expect(await contentOf(first(pins).path)).toBe(first(refs).sha256);
    expect(hits).toBe(0);
    using again = await cache.pin(first(refs));
    expect(again.path).toBe(first(pins).path);
    expect(hits).toBe(1);
    expect({ bytes: cache.bytes, count: cache.count }).toEqual({ bytes: 20 * kib, count: 1 });
    for (const pin of pins) pin.release();
  });

  test("whose bytes are not those of its checksum is refused, and leaves nothing behind", async () => {
    const { store, refs } = await storeOf(1, 8 * kib);
    const cachePath = await temporaryFolder();
    await store.put("objects/0", bytesOf(7, 8 * kib));
    const cache = openCache({ store, cachePath });
    expect(await errorOf(cache.pin(first(refs)))).toMatchObject({ kind: "data", code: "shard_damaged" });
    expect(await readdir(join(cachePath, "objects"))).toEqual([]);
  });

  test("that is missing is said to be, to everybody who waits for it", async () => {
    const { store, refs } = await storeOf(1, 8 * kib);
    await store.delete("objects/0");
    const cache = openCache({ store, cachePath: await temporaryFolder() });
    const errors = await Promise.all([1, 2, 3].map(() => errorOf(cache.pin(first(refs)))));
    for (const error of errors) expect(error).toMatchObject({ kind: "data", code: "object_missing" });
    expect(store.downloads.length).toBe(1);
  });

  test("larger than the whole bound is answerable, and gone after its use", async () => {
    const { store, refs } = await storeOf(1, 100 * kib);
    const [cachePath, spare] = [await temporaryFolder(), await temporaryFolder()];
    const cache = openCache({ store, cachePath, maxBytes: 64 * kib, spareFolders: [spare] });
    const pin = await cache.pin(first(refs));
    const second = await cache.pin(first(refs));
    expect(store.downloads.length).toBe(1);
    expect(await contentOf(pin.path)).toBe(first(refs).sha256);
    expect(diskUse(join(cachePath, "objects"))).toBe(0);
    pin.release();
    expect(isThere(second.path)).toBe(true);
    second.release();
    expect(isThere(second.path)).toBe(false);
    expect(diskUse(join(cachePath, "verified"))).toBe(0);
  });
});

describe("the bound", () => {
  test("is kept by parallel downloads at every moment", async () => {
    const { store, refs } = await storeOf(40, 30 * kib);
    const cachePath = await temporaryFolder();
    const maxBytes = 200 * kib;
    const [one, two] = [openCache({ store, cachePath, maxBytes }), openCache({ store, cachePath, maxBytes })];
    const watched = watch(join(cachePath, "objects"));
    await Promise.all(
      [...refs, ...refs].map(async (ref, at) => {
        using pin = await (at % 2 === 0 ? one : two).pin(ref);
        const content = await readFile(pin.path).catch(() => undefined);
        // The other one may have evicted it; what is there is right.
        if (content !== undefined) expect(sha256(content)).toBe(ref.sha256);
      }),
    );
    const most = await watched.stop();
    expect(most).toBeGreaterThan(100 * kib);
    expect(most).toBeLessThanOrEqual(maxBytes);
  });

  test("lets the least recently used go first, and never what is pinned", async () => {
    const { store, refs } = await storeOf(5, 32 * kib);
    const cachePath = await temporaryFolder();
    const cache = openCache({ store, cachePath, maxBytes: 3 * 32 * kib });
    const [a, b, c, d, e] = refs as [ImmutableRef, ImmutableRef, ImmutableRef, ImmutableRef, ImmutableRef];
    using pinned = await cache.pin(a);
    const paths = new Map<ImmutableRef, string>();
    for (const ref of [b, c, b, d]) {
      using pin = await cache.pin(ref);
      paths.set(ref, pin.path);
    }
    expect([b, c, d].filter((ref) => isThere(paths.get(ref) as string))).toEqual([b, d]);
    using _ = await cache.pin(e);
    expect(isThere(pinned.path)).toBe(true);
    expect(isThere(paths.get(b) as string)).toBe(false);
  });

  test("holds when everything is pinned: the rest waits for a release, or goes without the cache", async () => {
    const { store, refs } = await storeOf(3, 32 * kib);
    const [cachePath, spare] = [await temporaryFolder(), await temporaryFolder()];
    const cache = openCache({ store, cachePath, maxBytes: 64 * kib, spareFolders: [spare] });
    const [one, two] = [await cache.pin(first(refs)), await cache.pin(refs[1] as ImmutableRef)];
    const without = await cache.pin(refs[2] as ImmutableRef);
    expect(without.path.startsWith(spare)).toBe(true);
    without.release();

    const waiting = cache.pin(refs[2] as ImmutableRef);
    await systemClock.sleep(100);
    one.release();
    using got = await waiting;
    expect(got.path.startsWith(cachePath)).toBe(true);
    expect(isThere(one.path)).toBe(false);
    expect(isThere(two.path)).toBe(true);
    two.release();
  });

  test("asks who only keeps a file open to let go of it", async () => {
    const { store, refs } = await storeOf(2, 32 * kib);
    const cachePath = await temporaryFolder();
    const cache = openCache({ store, cachePath, maxBytes: 32 * kib });
    const pin = await cache.pin(first(refs));
    let asked = 0;
    const hold = cache.hold(pin.path, () => {
      asked++;
      setTimeout(() => hold?.release(), 20);
    });
    pin.release();
    expect(isThere(pin.path)).toBe(true);
    using other = await cache.pin(refs[1] as ImmutableRef);
    expect(asked).toBeGreaterThan(0);
    expect(other.path.startsWith(cachePath)).toBe(true);
    expect(isThere(pin.path)).toBe(false);
  });

  test("counts what other processes have put into the folder, and what they are about to", async () => {
    const { store, refs } = await storeOf(2, 32 * kib);
    const [cachePath, spare] = [await temporaryFolder(), await temporaryFolder()];
    const cache = openCache({ store, cachePath, maxBytes: 64 * kib, spareFolders: [spare] });
    const folder = join(cachePath, "objects");
    (await cache.pin(first(refs))).release();
    const claim = join(folder, `${48 * kib}.1-elsewhere.0123.part`);
    await writeFile(claim, "");
    using pin = await cache.pin(refs[1] as ImmutableRef);
    expect(pin.path.startsWith(spare)).toBe(true);
    await rm(claim);
  });
});

describe("a new process", () => {
  test("finds what an earlier one left, and evicts by what was used when", async () => {
    const { store, refs } = await storeOf(4, 32 * kib);
    const cachePath = await temporaryFolder();
    const before = openCache({ store, cachePath, maxBytes: 96 * kib });
    const paths: string[] = [];
    for (const ref of refs.slice(0, 3)) {
      using pin = await before.pin(ref);
      paths.push(pin.path);
    }
    await systemClock.sleep(1100);
    (await before.pin(first(refs))).release(); // its use is noted, though its own times must stay
    store.downloads = [];
    let hits = 0;
    const after = openCache({ store, cachePath, maxBytes: 96 * kib, onHit: () => hits++ });
    (await after.pin(refs[3] as ImmutableRef)).release();
    expect(paths.map(isThere)).toEqual([true, false, true]);
    (await after.pin(first(refs))).release();
    expect(hits).toBe(1);
    expect(store.downloads).toEqual(["objects/3"]);
    expect(after.bytes).toBe(96 * kib);
  });

  test("does not hash again what was checked, however often it was used since", async () => {
    const { store, refs } = await storeOf(1, 8 * kib);
    const cachePath = await temporaryFolder();
    const cache = openCache({ store, cachePath });
    const { path } = await cache.pin(first(refs));
    await systemClock.sleep(1100);
    (await cache.pin(first(refs))).release();
    // A file that is trusted is not read: a wrong checksum would be noticed only by reading.
    const stamps = await readdir(join(cachePath, "verified"));
    expect(stamps.length).toBe(1);
    const stamp = await readFile(join(cachePath, "verified", first(stamps)), "utf8");
    new VerifiedFiles(join(cachePath, "verified")).check(path, first(refs));
    expect(await readFile(join(cachePath, "verified", first(stamps)), "utf8")).toBe(stamp);
  });

  test("removes claims that nobody has touched for long, and leaves young ones alone", async () => {
    const { store, refs } = await storeOf(1, 8 * kib);
    const cachePath = await temporaryFolder();
    const cache = openCache({ store, cachePath });
    (await cache.pin(first(refs))).release();
    const [old, young] = ["4096.aa.part", "4096.bb.part"].map((name) => join(cachePath, "objects", name)) as [
      string,
      string,
    ];
    for (const path of [old, young]) await writeFile(path, "half");
    const longAgo = new Date(Date.now() - 10 * 60_000);
    await utimes(old, longAgo, longAgo);
    const later = openCache({ store, cachePath });
    (await later.pin(first(refs))).release();
    expect([old, young].map(isThere)).toEqual([false, true]);
  });
});

describe("a cached file", () => {
  test("that another process has removed is fetched again; who had it open reads on", async () => {
    const { store, refs } = await storeOf(1, 16 * kib);
    const cachePath = await temporaryFolder();
    const cache = openCache({ store, cachePath });
    using pin = await cache.pin(first(refs));
    await using file = await open(pin.path);
    await rm(pin.path);
    using again = await cache.pin(first(refs));
    expect(store.downloads.length).toBe(2);
    expect(await contentOf(again.path)).toBe(first(refs).sha256);
    expect(sha256(await file.readFile())).toBe(first(refs).sha256);
  });

  test("that vanishes between its pin and its opening is fetched again", async () => {
    const { store, refs } = await storeOf(1, 16 * kib);
    const cachePath = await temporaryFolder();
    const cache = openCache({ store, cachePath });
    const verified = new VerifiedFiles(join(cachePath, "verified"));
    let attempts = 0;
    const content = await withFiles(cache, refs, async (pathOf) => {
      if (++attempts === 1) await rm(pathOf(first(refs)));
      verified.check(pathOf(first(refs)), first(refs));
      return await contentOf(pathOf(first(refs)));
    });
    expect(content).toBe(first(refs).sha256);
    expect(attempts).toBe(2);
  });

  test("that was cut short is not taken for the object", async () => {
    const { store, refs } = await storeOf(1, 16 * kib);
    const cachePath = await temporaryFolder();
    const cache = openCache({ store, cachePath });
    const pin = await cache.pin(first(refs));
    pin.release();
    await truncate(pin.path, 100);
    using again = await cache.pin(first(refs));
    expect(await contentOf(again.path)).toBe(first(refs).sha256);
  });

  test("is dropped when it turns out to be damaged, pinned or not", async () => {
    const { store, refs } = await storeOf(1, 16 * kib);
    const cache = openCache({ store, cachePath: await temporaryFolder() });
    using pin = await cache.pin(first(refs));
    await writeFile(pin.path, bytesOf(3, 16 * kib));
    expect(await cache.drop(first(refs))).toBe(true);
    expect(await cache.drop(first(refs))).toBe(true); // said to whoever has just seen the same copy
    expect(await cache.drop(refOf(1, bytesOf(1, 16 * kib)))).toBe(false);
    using again = await cache.pin(first(refs));
    expect(await contentOf(again.path)).toBe(first(refs).sha256);
  });
});

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/base/index.ts";
import type { Mosaic } from "../../src/engine/index.ts";
import { decodeManifest, encodeManifest } from "../../src/manifest/index.ts";
import { decodeSummary, encodeSummary } from "../../src/shard/index.ts";
import { MemoryStore, type ObjectStore } from "../../src/store/index.ts";
import { docs, errorOf, openTestEngine, temporaryFolder, vectorsOf } from "../engine/support/engine.ts";
import { allKeys } from "../engine/support/stores.ts";
import { expectAnswers, type Furnished, furnish, keysByKind, manifestOf, prefix } from "./support/furnished.ts";

type Damage = (store: ObjectStore, key: string) => Promise<void>;

async function bytesOf(store: ObjectStore, key: string): Promise<Uint8Array> {
  const got = await store.get(key);
  if (got.status !== "found") throw new Error(`${key} is not there`);
  return got.bytes;
}

const asideKeys = (store: ObjectStore): Promise<string[]> => allKeys(store, `${prefix}quarantine/wal-`);

const damages: Readonly<Record<string, Damage>> = {
  flipped: async (store, key) => {
    const bytes = Buffer.from(await bytesOf(store, key));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 4;
    await store.put(key, bytes);
  },
  "cut short": async (store, key) => {
    await store.put(key, (await bytesOf(store, key)).subarray(0, -7));
  },
  removed: (store, key) => store.delete(key),
};

/** What a repair does with each kind, and which documents are missing after it. */
const kinds: readonly (readonly [kind: string, action: string, lost: readonly (keyof Furnished["idsOf"])[]])[] = [
  ["manifest", "restored", []],
  ["segment", "quarantined", ["tail"]],
  ["shard file", "quarantined", ["second"]],
  ["summary", "rebuilt", []],
  ["bitmap", "quarantined", ["first"]],
];

const opened = (store: ObjectStore): Promise<Mosaic> => openTestEngine({ store });

describe.each(kinds)("a damaged %s", (kind, action, lostParts) => {
  test.each(Object.keys(damages))("%s, is found and repaired; nothing else is lost", async (how) => {
    const store = new MemoryStore();
    const furnished = await furnish(store);
    const key = (await keysByKind(store))[kind] as string;
    const before = new Set(await allKeys(store, prefix));
    await damages[how]?.(store, key);

    const engine = await opened(store);
    // A manifest that is gone is no damage to a search: there is no collection then.
    if (kind === "manifest" && how === "removed")
      expect(await errorOf(engine.verify(docs))).toMatchObject({ code: "collection_not_found" });
    else {
      const found = await engine.verify(docs);
      expect(found.ok).toBe(false);
      expect(found.problems.map(({ object }) => object)).toContain(key);
      expect(found.repairs).toEqual([]);
    }

    const report = await engine.verify(docs, { repair: true });
    expect(report.repairs).toMatchObject([{ object: key, action }]);
    expect(report.problems).toEqual([]);
    const lost = lostParts.flatMap((part) => furnished.idsOf[part]);
    expect(report.documents).toBe(furnished.documents.size - lost.length);

    for (const reader of [engine, await opened(store)]) {
      await expectAnswers(reader, furnished, lost);
      const { degraded } = await reader.search(docs, { vector: vectorsOf(9, 8)() });
      expect(degraded).toBe(report.quarantined.length > 0);
      expect((await reader.stats(docs)).shards_by_status["quarantined"]).toBe(report.quarantined.length);
    }
    // Nothing was deleted, and it goes on: a write, a fold, a compaction, and a repair that finds nothing to do.
    const after = new Set(await allKeys(store, prefix));
    expect([...before].filter((one) => !after.has(one) && one !== key)).toEqual([]);
    await engine.put(docs, { id: "new", text: "new", embedding: [1, 0, 0, 0, 0, 0, 0, 0] });
    await engine.fold(docs);
    await engine.jobEnded((await engine.compact(docs)).id);
    const again = await engine.verify(docs, { repair: true });
    expect(again).toMatchObject({ ok: true, repairs: [], quarantined: report.quarantined });
    expect(again.documents).toBe(report.documents + 1);
  });
});

describe("a repair", () => {
  test("of several objects at once is one swap of the manifest", async () => {
    const store = new MemoryStore();
    const furnished = await furnish(store);
    const keys = await keysByKind(store);
    for (const kind of ["segment", "summary", "bitmap"]) await damages["flipped"]?.(store, keys[kind] as string);
    const { generation } = await manifestOf(store);
    const engine = await opened(store);
    const report = await engine.verify(docs, { repair: true });
    expect(report.repairs.map((repair) => repair.action).sort()).toEqual(["quarantined", "quarantined", "rebuilt"]);
    expect((await manifestOf(store)).generation).toBe(generation + 1);
    await expectAnswers(engine, furnished, [...furnished.idsOf.first, ...furnished.idsOf.tail]);
  });

  test("keeps what it sets aside, through gc, until a rollback brings it back", async () => {
    const store = new MemoryStore();
    const furnished = await furnish(store);
    const keys = await keysByKind(store);
    const [file, segment] = [keys["shard file"] as string, keys["segment"] as string];
    const [fileBytes, segmentBytes] = [await bytesOf(store, file), await bytesOf(store, segment)];
    const { generation } = await manifestOf(store);
    for (const key of [file, segment]) await damages["flipped"]?.(store, key);
    const engine = await opened(store);
    await engine.verify(docs, { repair: true });
    for (let round = 0; round < 3; round++) await engine.gc(docs, true);
    const [aside] = await asideKeys(store);
    expect((await bytesOf(store, aside ?? "")).length).toBe(segmentBytes.length);
    // The file comes back from a backup.
    await store.put(file, fileBytes);
    const { quarantined } = await engine.verify(docs);
    expect(quarantined).toMatchObject([{ documents: 20 }]);
    await engine.rollback(docs, generation);
    expect(await engine.verify(docs)).toMatchObject({ quarantined: [] });
    // A generation is its shards: what was in the log then is another matter.
    await expectAnswers(engine, furnished, [...furnished.idsOf.tail, ...furnished.idsOf.tailEnd]);
  });

  test("keeps it when all that is older is forgotten", async () => {
    const store = new MemoryStore();
    await furnish(store);
    const keys = await keysByKind(store);
    for (const kind of ["segment", "shard file"]) await damages["flipped"]?.(store, keys[kind] as string);
    const engine = await openTestEngine({ store, settings: { gcGraceMs: 0, snapshotKeepMs: 0 } });
    await engine.verify(docs, { repair: true });
    await engine.jobEnded((await engine.compact(docs)).id);
    for (let round = 0; round < 3; round++) await engine.gc(docs, true);
    expect(await allKeys(store, prefix)).toContain(keys["shard file"]);
    expect(await asideKeys(store)).toHaveLength(1);
    expect((await engine.gc(docs, false)).orphans).toEqual([]);
  });

  test("takes a shard file back from the local cache", async () => {
    const store = new MemoryStore();
    const furnished = await furnish(store);
    const cachePath = temporaryFolder();
    const first = await openTestEngine({ store, settings: { cachePath } });
    await expectAnswers(first, furnished, []);
    await first.close();
    const key = (await keysByKind(store))["shard file"] as string;
    await store.delete(key);
    const engine = await openTestEngine({ store, settings: { cachePath } });
    const report = await engine.verify(docs, { repair: true });
    expect(report).toMatchObject({ ok: true, quarantined: [], repairs: [{ object: key, action: "restored" }] });
    await expectAnswers(await opened(store), furnished, []);
  });

  test("of a manifest whose objects are gone changes nothing, and says why", async () => {
    const store = new MemoryStore();
    await furnish(store);
    const keys = await keysByKind(store);
    for (const key of await allKeys(store, `${prefix}manifests/`)) await store.delete(key);
    await damages["flipped"]?.(store, keys["manifest"] as string);
    const engine = await opened(store);
    const error = await errorOf(engine.verify(docs, { repair: true }));
    expect(error).toMatchObject({ kind: "data", code: "manifest_damaged" });
    expect((await engine.verify(docs)).ok).toBe(false);
  });

  test("closes a gap in the log, so that what was acknowledged after it is read", async () => {
    const store = new MemoryStore();
    const furnished = await furnish(store);
    const key = (await keysByKind(store))["segment"] as string;
    await store.delete(key);
    const blind = await opened(store);
    await expectAnswers(blind, furnished, [...furnished.idsOf.tail, ...furnished.idsOf.tailEnd]);
    await (await opened(store)).verify(docs, { repair: true });
    await expectAnswers(await opened(store), furnished, furnished.idsOf.tail);
  });
});

test("a summary that passes its checksum and lies is found, and made anew", async () => {
  const store = new MemoryStore();
  const furnished = await furnish(store);
  const manifest = await manifestOf(store);
  const entry = manifest.shards[1];
  if (entry === undefined) throw new Error("not furnished");
  const honest = decodeSummary(await bytesOf(store, entry.summary.key), "summary");
  const spreads = Float32Array.from(honest.spreads, (spread) => spread / 2);
  const bytes = encodeSummary({ ...honest, spreads });
  const summary = { key: entry.summary.key, sizeBytes: bytes.length, sha256: sha256(bytes) };
  await store.put(summary.key, bytes);
  const shards = manifest.shards.map((one) => (one === entry ? { ...entry, summary } : one));
  await store.put(`${prefix}manifest.json`, encodeManifest({ ...manifest, shards }));
  expect(decodeManifest(await bytesOf(store, `${prefix}manifest.json`), "m").shards[1]?.summary).toEqual(summary);
  const engine = await opened(store);
  const found = await engine.verify(docs);
  expect(found.problems).toMatchObject([{ object: summary.key, code: "summary_differs" }]);
  expect(await engine.verify(docs, { repair: true })).toMatchObject({ ok: true, repairs: [{ action: "rebuilt" }] });
  await expectAnswers(engine, furnished, []);
});

test("verify leaves nothing behind, and downloads one file at a time", async () => {
  const store = new MemoryStore();
  await furnish(store);
  const engine = await opened(store);
  let [now, most] = [0, 0];
  const download = store.download.bind(store);
  store.download = async (...args) => {
    most = Math.max(most, ++now);
    const info = await download(...args);
    now--;
    return info;
  };
  expect((await engine.verify(docs)).ok).toBe(true);
  expect(most).toBe(1);
  expect(readdirSync(join(temporaryFolder(), "..")).filter((name) => name.startsWith("verify-"))).toEqual([]);
});

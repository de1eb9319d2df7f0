import { expect, test } from "vitest";
import { sha256, silentLogger, systemClock, systemRandom } from "../../src/base/index.ts";
import { Mosaic } from "../../src/engine/index.ts";
import { localMachinery } from "../../src/engine/machinery.ts";
import { decodeManifest, encodeManifest, type Manifest } from "../../src/manifest/index.ts";
import type { LeafRequest } from "../../src/search/index.ts";
import { DeadRows, DeadTerms } from "../../src/shard/index.ts";
import { MemoryStore, type ObjectStore } from "../../src/store/index.ts";
import { atEnd, docs, openTestEngine, testSettings } from "./support/engine.ts";
import { bm25, expectTextbook, words } from "./support/textbook.ts";

const manifestKey = "tenants/acme/docs/manifest.json";

/** Three shards of ten documents. The word `only<n>` is in one document of shard n. */
async function threeShards(engine: Mosaic): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (let shard = 0; shard < 3; shard++) {
    for (let at = 0; at < 10; at++) {
      const repeated = Array.from({ length: 2 + at }, (_, n) => words[(shard + at * n) % words.length]).join(" ");
      texts.set(`d${shard}-${at}`, at === 5 ? `${repeated} only${shard}` : repeated);
    }
    const own = [...texts].slice(10 * shard).map(([id, text]) => ({ id, text }));
    await engine.putMany(docs, own);
    await engine.fold(docs);
  }
  return texts;
}

async function deleteSome(engine: Mosaic, texts: Map<string, string>, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await engine.delete(docs, id);
    texts.delete(id);
  }
  await engine.fold(docs);
}

/** An engine that says what it asks its leaves. */
async function watchedEngine(store: ObjectStore): Promise<{ engine: Mosaic; asked: LeafRequest[] }> {
  const settings = testSettings({ shardMaxDocs: 10 });
  const around = { store, clock: systemClock, random: systemRandom, logger: silentLogger };
  const machinery = localMachinery(settings, around);
  const asked: LeafRequest[] = [];
  const leaves: typeof machinery.leaves = {
    ask: (request, timeoutMs) => {
      asked.push(request);
      return machinery.leaves.ask(request, timeoutMs);
    },
  };
  const engine = await Mosaic.open(settings, { store, machinery: { ...machinery, leaves } });
  atEnd(() => engine.close());
  return { engine, asked };
}

const kindsOf = (asked: LeafRequest[]): string[] =>
  asked.splice(0).map(({ kind, shards }) => `${kind} of ${shards.length}`);

test("the statistics of the whole collection are known without asking shards that hold no word of the query", async () => {
  const { engine, asked } = await watchedEngine(new MemoryStore());
  const texts = await threeShards(engine);
  await deleteSome(engine, texts, ["d0-1", "d1-2", "d1-3", "d2-4"]);
  await deleteSome(engine, texts, ["d0-2", "d1-5"]);
  asked.length = 0;

  const search = () => engine.hybrid(docs, { query: "only2", include: [], ranker: bm25 });
  expect((await search()).results).toMatchObject([{ id: "d2-5" }]);
  expect(kindsOf(asked)).toEqual(["text of 1"]);

  // Of a shard whose row the tail replaces that row is read, once.
  await engine.put(docs, { id: "d0-7", text: "apple grape" });
  texts.set("d0-7", "apple grape");
  asked.length = 0;
  await search();
  expect(kindsOf(asked).sort()).toEqual(["lookup of 1", "text of 1"]);
  await search();
  expect(kindsOf(asked)).toEqual(["text of 1"]);
  await expectTextbook(engine, texts, "apple runners network only0 only2");
});

async function manifestOf(store: ObjectStore): Promise<Manifest> {
  const got = await store.get(manifestKey);
  if (got.status !== "found") throw new Error("no manifest");
  return decodeManifest(got.bytes, manifestKey);
}

/** Replaces the bitmaps of dead rows, as if a writer had written others. */
async function rewriteBitmaps(store: ObjectStore, change: (dead: DeadRows) => DeadRows): Promise<number> {
  const manifest = await manifestOf(store);
  let changed = 0;
  const shards = await Promise.all(
    manifest.shards.map(async (entry) => {
      if (entry.deletes === null) return entry;
      changed++;
      const got = await store.get(entry.deletes.key);
      if (got.status !== "found") throw new Error("no bitmap");
      const bytes = change(DeadRows.decode(got.bytes, entry.deletes.key)).encode();
      const key = `${entry.deletes.key}-rewritten`;
      await store.put(key, bytes);
      return { ...entry, deletes: { ...entry.deletes, key, sizeBytes: bytes.length, sha256: sha256(bytes) } };
    }),
  );
  await store.put(manifestKey, encodeManifest({ ...manifest, shards }));
  return changed;
}

test("bitmaps that say nothing of terms are read, and say it when they grow", async () => {
  const store = new MemoryStore();
  const writer = await openTestEngine({ store, settings: { shardMaxDocs: 10 } });
  const texts = await threeShards(writer);
  await deleteSome(writer, texts, ["d0-1", "d1-2", "d1-3"]);
  await writer.close();
  expect(await rewriteBitmaps(store, ({ rows, bits, count }) => new DeadRows(rows, bits, count))).toBe(2);

  const engine = await openTestEngine({ store, settings: { shardMaxDocs: 10 } });
  await expectTextbook(engine, texts, "apple runners network only1");
  await deleteSome(engine, texts, ["d1-4"]);
  const { shards } = await manifestOf(store);
  const said = await Promise.all(
    shards.map(async ({ deletes }) => {
      const got = deletes === null ? undefined : await store.get(deletes.key);
      return got?.status === "found" ? DeadRows.decode(got.bytes, "").terms !== undefined : undefined;
    }),
  );
  expect(said).toEqual([false, true, undefined]);
  await expectTextbook(engine, texts, "apple runners network only1");
  expect(await engine.verify(docs)).toMatchObject({ ok: true });
});

test("terms of dead rows that are miscounted are found by verify, and counted anew by a repair", async () => {
  const store = new MemoryStore();
  const writer = await openTestEngine({ store, settings: { shardMaxDocs: 10 } });
  const texts = await threeShards(writer);
  await deleteSome(writer, texts, ["d0-1", "d0-3"]);
  await writer.close();
  const wrong = DeadTerms.of(1, new Map([["apple", 1]]));
  await rewriteBitmaps(store, ({ rows, bits, count }) => new DeadRows(rows, bits, count, wrong));

  const engine = await openTestEngine({ store, settings: { shardMaxDocs: 10 } });
  expect((await engine.verify(docs)).problems).toMatchObject([{ code: "dead_terms_differ" }]);
  expect((await engine.verify(docs, { repair: true })).repairs).toMatchObject([{ action: "rebuilt" }]);
  expect(await engine.verify(docs)).toMatchObject({ ok: true, quarantined: [] });
  await expectTextbook(engine, texts, "apple runners network only0");
});

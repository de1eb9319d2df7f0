import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Mosaic } from "../../src/engine/index.ts";
import { FolderStore, MemoryStore } from "../../src/store/index.ts";
import { docs, errorOf, openTestEngine, temporaryFolder, vectorsOf } from "./support/engine.ts";
import { allKeys } from "./support/stores.ts";

/** Seven shards of three documents: the next fold merges them all. */
async function aboutToMerge(engine: Mosaic): Promise<void> {
  const next = vectorsOf(5, 8);
  for (let shard = 0; shard < 7; shard++) {
    const documents = [0, 1, 2].map((at) => ({ id: `${shard}.${at}`, text: `text ${shard}.${at}`, embedding: next() }));
    await engine.putMany(docs, documents);
    await engine.fold(docs);
  }
  expect((await engine.stats(docs)).shards.length).toBe(7);
  await engine.put(docs, { id: "new", text: "new", embedding: next() });
}

/** Turns one bit in the middle of a document's text: SQLite itself would not notice. */
function flipText(bytes: Buffer): Buffer {
  const damaged = Buffer.from(bytes);
  const at = damaged.indexOf("text 3.1");
  expect(at).toBeGreaterThan(0);
  damaged[at] = (damaged[at] as number) ^ 1;
  return damaged;
}

test("a damaged shard is not merged: the fold says so, and goes on once the file is whole again", async () => {
  const folder = temporaryFolder();
  const writer = await openTestEngine({ store: new FolderStore(folder) });
  await aboutToMerge(writer);
  const keys = (await allKeys(new FolderStore(folder))).filter((key) => key.endsWith(".db"));
  const contents = await Promise.all(keys.map((key) => readFile(join(folder, key))));
  const damagedAt = contents.findIndex((bytes) => bytes.includes("text 3.1"));
  const path = join(folder, keys[damagedAt] as string);
  const whole = contents[damagedAt] as Buffer;

  await writeFile(path, flipText(whole));
  expect(await errorOf(writer.fold(docs))).toMatchObject({ kind: "data" });
  expect((await writer.get(docs, "new")).text).toBe("new");
  expect((await writer.stats(docs)).shards.length).toBe(7);

  await writeFile(path, whole);
  await writer.fold(docs);
  expect((await writer.stats(docs)).shards.length).toBe(1);
  expect((await writer.get(docs, "3.1")).text).toBe("text 3.1");
});

test("a damaged local copy is fetched again before its shard is merged", async () => {
  const store = new MemoryStore();
  const cachePath = temporaryFolder();
  await aboutToMerge(await openTestEngine({ store }));
  const reader = await openTestEngine({ store, settings: { cachePath } });
  await reader.search(docs, { vector: vectorsOf(1, 8)(), recall: "exact" });
  const { shards } = await reader.stats(docs);
  expect(shards.length).toBe(7);
  const copies = await allKeys(new FolderStore(join(cachePath, "objects")));
  for (const copy of copies) {
    const path = join(cachePath, "objects", copy);
    const bytes = await readFile(path);
    if (bytes.includes("text 3.1")) await writeFile(path, flipText(bytes));
  }
  const folder = await openTestEngine({ store, settings: { cachePath } });
  await folder.fold(docs);
  expect((await folder.stats(docs)).shards.length).toBe(1);
  expect((await folder.get(docs, "3.1")).text).toBe("text 3.1");
  expect((await folder.verify(docs)).ok).toBe(true);
});

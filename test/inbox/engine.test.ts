import { writeFileSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test, vi } from "vitest";
import { FolderStore, MemoryStore } from "../../src/store/index.ts";
import { docs, openTestEngine, temporaryFolder, testSettings } from "../engine/support/engine.ts";
import { realServer } from "../http/support/real-server.ts";

const withVectors = (count: number): string =>
  Array.from(
    { length: count },
    (_, at) => `${JSON.stringify({ id: `d${at}`, text: `t ${at}`, embedding: [at, 1] })}\n`,
  ).join("");
const file = "inbox/acme/docs/a.ndjson";

test("a file's documents are the engine's, and bad ones are refused as everywhere", async () => {
  const store = new MemoryStore();
  const engine = await openTestEngine({ store });
  const bad = ['{"text":""}', '{"text":"x","embedding":[1]}', '{"id":7,"text":"x"}', '{"text":"x","colour":1}'];
  await store.put(file, Buffer.from(`${withVectors(2500)}${bad.join("\n")}`));
  expect(await engine.inbox.take(file)).toMatchObject({ status: "processed", accepted: 2500, refused: 4 });
  expect((await engine.stats(docs)).documents).toBe(2500);
  const { files } = await engine.inboxFiles(docs.tenant, { limit: 10 });
  expect(files[0]?.errors.map(({ place, code }) => [place, code])).toEqual([
    ["line 2501", "empty_text"],
    ["line 2502", "wrong_dimensions"],
    ["line 2503", "invalid_id"],
    ["line 2504", "unknown_field"],
  ]);
  expect((await engine.verify(docs)).ok).toBe(true);
});

test("a document without an id has the same one, however often its file is read", async () => {
  const store = new MemoryStore();
  const engine = await openTestEngine({ store });
  const content = gzipSync('{"text":"one"}\n{"text":"two"}\n');
  for (let time = 0; time < 3; time++) {
    await store.put(`${file}.gz`, content);
    await engine.inbox.take(`${file}.gz`);
  }
  expect((await engine.stats(docs)).documents).toBe(2);
});

test("a server on a folder reads what is dropped, and tells each tenant of its own", async () => {
  const folder = temporaryFolder();
  const server = await realServer(folder, { inboxPollMs: 20, inboxSettleMs: 20 });
  await server.engine.workInBackground();
  const drop = async (name: string, content: string): Promise<void> => {
    const path = join(folder, "inbox", name);
    await mkdir(dirname(path), { recursive: true });
    writeFileSync(join(folder, ".under-way"), content);
    await rename(join(folder, ".under-way"), path);
  };
  await drop("default/documents/a.txt", "The first text.");
  await drop("acme/documents/a.ndjson", '{"id":"x","text":"The second."}\nnot json\n');
  const page = async (tenant: string) =>
    (await server.call("GET", "/api/v1/inbox?limit=10", undefined, { "x-mosaic-tenant": tenant })).body;
  await vi.waitFor(async () => expect((await page("default")).files[0]?.status).toBe("processed"), 120_000);
  await vi.waitFor(async () => expect((await page("acme")).files[0]?.status).toBe("processed"), 120_000);
  expect(await page("acme")).toMatchObject({
    files: [
      {
        file: "documents/a.ndjson",
        accepted: 1,
        refused: 1,
        errors: [{ place: "line 2", code: "malformed_json" }],
        moved_to: "processed/acme/documents/a.ndjson",
      },
    ],
    next: null,
  });
  expect((await server.call("GET", "/api/v1/documents/a.txt")).body.text).toBe("The first text.");
  expect((await page("globex")).files).toEqual([]);
});

test("a server that is closed puts a file down between two batches; the next one goes on", async () => {
  const folder = temporaryFolder();
  const store = new FolderStore(folder);
  await store.put(file, Buffer.from(withVectors(50)));
  const settings = testSettings({ storagePath: folder, maxBatchDocs: 5, inboxPollMs: 10, inboxSettleMs: 0 });
  const first = await openTestEngine({ store, settings });
  const putMany = first.putMany.bind(first);
  const begun = Promise.withResolvers<void>();
  first.putMany = async (...args) => {
    begun.resolve();
    return putMany(...args);
  };
  await first.workInBackground();
  await begun.promise;
  await first.close();
  const second = await openTestEngine({ store: new FolderStore(folder), settings });
  await vi.waitFor(async () => {
    const [one] = (await second.inboxFiles(docs.tenant, { limit: 1 })).files;
    expect(one?.status === "waiting" || one?.status === "processed").toBe(true);
  }, 120_000);
  await second.inbox.sweep({ settledMs: 0 });
  expect((await second.stats(docs)).documents).toBe(50);
});

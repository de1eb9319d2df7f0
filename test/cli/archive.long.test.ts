import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CollectionStats, JobInfo } from "../../src/engine/index.ts";
import type { ObjectStore } from "../../src/store/index.ts";
import { S3Store } from "../../src/store/s3.ts";
import { shared } from "../engine/support/engine.ts";
import { hasS3Server, type S3Server, startS3Server, withoutS3Server } from "../support/s3-server.ts";
import { ended, type Ran, Shell } from "./support/mosaic.ts";

const day = 24 * 3_600_000;

interface ArchiveShell {
  readonly shell: Shell;
  /** The shard of the documents of 2020, which alone have the word `fossil`, and that of this week's. */
  readonly old: string;
  readonly young: string;
  json<T>(...args: readonly string[]): Promise<T>;
  shard(id: string): Promise<CollectionStats["shards"][number]>;
}

async function furnished(env: Readonly<Record<string, string>> = {}): Promise<ArchiveShell> {
  const shell = new Shell({ ARCHIVE_CLASS: "GLACIER", ...env });
  const json = async <T>(...args: readonly string[]): Promise<T> => {
    const { code, out, error } = await shell.run(...args, "--json");
    expect([code, error]).toEqual([0, ""]);
    return JSON.parse(out) as T;
  };
  for (const [name, word, at] of [
    ["old", "fossil", Date.UTC(2020, 4, 1)],
    ["young", "leaf", Date.now() - 2 * day],
  ] as const) {
    const lines = [0, 1].map((no) => ({
      id: `${name}-${no}`,
      text: `${word} stone`,
      embedding: [1, no],
      created_at: new Date(at).toISOString(),
    }));
    writeFileSync(join(shell.folder, `${name}.ndjson`), lines.map((line) => JSON.stringify(line)).join("\n"));
    expect((await shell.run("ingest", `${name}.ndjson`)).code).toBe(0);
  }
  const { shards } = await json<CollectionStats>("stats");
  const [old = "", young = ""] = [true, false].map(
    (isOld) => shards.find(({ created_at: at }) => at?.min.startsWith("2020") === isOld)?.id,
  );
  const shard: ArchiveShell["shard"] = async (id) => {
    const found = (await json<CollectionStats>("stats")).shards.find((one) => one.id === id);
    if (found === undefined) throw new Error(`no shard ${id}`);
    return found;
  };
  return { shell, old, young, json, shard };
}

const failed = ({ code, out }: Ran): unknown => [code, out];

describe("archive and restore over a folder", () => {
  let folder: ArchiveShell;
  beforeAll(() =>
    shared(async () => {
      folder = await furnished();
    }),
  );

  test("what makes no sense is refused, with its exit code and without a change", async () => {
    const { shell, old, json } = folder;
    for (const [args, code, message] of [
      [["archive"], 2, "give either --older-than or --shard"],
      [["archive", "--older-than", "1d", "--shard", old], 2, "give either --older-than or --shard"],
      [["archive", "--shard", old, "--class", "FREEZER"], 2, "GLACIER_IR"],
      [["archive", "--shard", old, "--class", "STANDARD"], 2, "mosaic restore"],
      [["archive", "--shard", ","], 2, "--shard takes ids"],
      [["archive", "--older-than", "soon"], 1, "90d"],
      [["archive", "--shard", `${old},nothing`], 1, 'no shard "nothing"'],
      [["archive", "--older-than", "1d", "--collection", "nowhere"], 1, "There is no collection nowhere"],
      [["restore", "--shard", "nothing"], 1, 'no shard "nothing"'],
      [["restore", "--shard", ""], 2, "--shard takes ids"],
      [["restore", "--speed", "warp"], 2, "expedited, standard"],
      [["restore", "--collection", "nowhere", "--wait"], 1, "There is no collection nowhere"],
    ] as const) {
      const ran = await shell.run(...args);
      expect([args, ran.code, ran.out]).toEqual([args, code, ""]);
      expect(ran.error).toContain(message);
    }
    expect((await json<CollectionStats>("stats")).shards_by_status).toMatchObject({ archived: 0 });
  }, 300_000);

  test("say what they did, and that there was nothing to do", async () => {
    const { shell, old, young, json, shard } = folder;
    const archive = await shell.run("archive", "--older-than", "365d");
    expect([archive.code, archive.out, archive.error]).toEqual([0, "", expect.stringMatching(/^1 shard archived in /)]);
    expect(await shard(old)).toMatchObject({ status: "archived", storage_class: "GLACIER" });
    expect(await shard(young)).toMatchObject({ storage_class: "STANDARD", archived: null });
    for (const again of [
      ["--older-than", "365d"],
      ["--shard", old],
    ])
      expect(await json("archive", ...again)).toMatchObject({ status: "done", result: { shards_archived: 0 } });
    expect((await shell.run("archive", "--shard", `${old},${young}`, "--class", "STANDARD_IA")).code).toBe(0);
    expect((await json<CollectionStats>("stats")).bytes_by_class).toEqual({ STANDARD_IA: expect.any(Number) });
    expect((await shell.run("restore", "--shard", old)).error).toMatch(/^1 shard restored in /);
    expect(await json("restore", "--shard", old, "--wait")).toMatchObject({ result: { shards_restored: 0 } });
    expect(await json("restore")).toMatchObject({ result: { shards_restored: 1 } });
  }, 300_000);
});

const title = hasS3Server ? "over S3" : `over S3 (${withoutS3Server})`;
describe.skipIf(!hasS3Server)(title, () => {
  let server: S3Server;
  let store: ObjectStore;
  beforeAll(async () => {
    server = await startS3Server();
    await server.createBucket("cli");
    store = new S3Store({ bucket: "cli", prefix: "", endpoint: server.endpoint });
  });
  afterAll(async () => {
    await store?.close();
    await server?.stop();
  });

  /** As soon as a job of that many says that it waits for storage. */
  const untilWaiting = async (jobs: number): Promise<void> => {
    const waiting = async (): Promise<number> => {
      let count = 0;
      for await (const { key } of store.list("jobs/")) {
        const got = await store.get(key);
        if (got.status === "found" && /"waitsUntilMs":\s*\d/.test(Buffer.from(got.bytes).toString())) count++;
      }
      return count;
    };
    await expect.poll(waiting, { timeout: 240_000 }).toBe(jobs);
  };

  test("what must be restored is asked for once, missed meanwhile, and waited for", async () => {
    const env = { STORAGE_PATH: "s3://cli", RESTORE_POLL_MS: "100", ...server.env };
    const { shell, old, json, shard } = await furnished(env);
    expect(await json("archive", "--shard", old)).toMatchObject({ status: "done", result: { shards_archived: 1 } });
    expect(await shard(old)).toMatchObject({
      status: "archived",
      storage_class: "GLACIER",
      archived: { needs_restore: true, restore_asked_at: null },
    });
    const call = `mosaic restore --collection documents --shard ${old}`;
    const search = await shell.run("search", "--hybrid", "stone");
    expect([search.code, search.out.includes("young-1"), search.out.includes("old")]).toEqual([0, true, false]);
    expect(search.error).toContain("archived_needs_restore");
    expect(search.error).toContain(call);
    const sql = await shell.run("sql", "SELECT id FROM documents ORDER BY id");
    expect([sql.code, sql.out.includes("young-1"), sql.out.includes("old")]).toEqual([0, true, false]);
    expect(sql.error).toContain(call);
    const get = await shell.run("get", "old-1");
    expect(failed(get)).toEqual([1, ""]);
    expect(get.error).toContain(call);
    expect(await json("get", "young-1")).toMatchObject({ id: "young-1" });
    const verify = await shell.run("verify");
    expect(verify.code).toBe(0);

    await server.holdRestores();
    const asked = await shell.run("restore");
    expect(failed(asked)).toEqual([0, ""]);
    expect(asked.error).toMatch(/^job \w+ waits until .+; a server of this storage goes on with it$/m);
    expect((await shard(old)).archived).toMatchObject({ restore_asked_at: expect.any(String) });
    const waiting = ended(shell.spawn("restore", "--shard", old, "--wait", "--json"));
    const alsoWaiting = ended(shell.spawn("restore", "--wait"));
    await untilWaiting(3);
    expect(await shard(old)).toMatchObject({ storage_class: "GLACIER" });
    await server.finishRestores();
    // Which of the two brings it back is left open; both are there until it is.
    const [first, second] = await Promise.all([waiting, alsoWaiting]);
    expect([first.code, first.error, second.code, second.out]).toEqual([0, "", 0, ""]);
    const { status, result, progress } = JSON.parse(first.out) as JobInfo;
    expect([status, progress.done, progress.total]).toEqual(["done", 1, 1]);
    const restored = (result?.["shards_restored"] ?? 0) + Number(/^(\d) shards? restored/.exec(second.error)?.[1]);
    expect(restored).toBe(1);
    expect(await shard(old)).toMatchObject({ storage_class: "STANDARD", archived: null });
    const after = await shell.run("search", "--hybrid", "fossil");
    expect(after.out).toContain("old-1");
    expect(after.error).not.toContain("archived");
    expect(await json("get", "old-1")).toMatchObject({ id: "old-1" });
  }, 600_000);

  test("expedited is refused where storage has no such speed; what can't be done is told, waited for or not", async () => {
    const { shell, old, json } = await furnished({ STORAGE_PATH: "s3://cli/gone", ...server.env });
    await json("archive", "--shard", old, "--class", "DEEP_ARCHIVE");
    const refused = await shell.run("restore", "--speed", "expedited");
    expect(failed(refused)).toEqual([1, ""]);
    expect(refused.error).toContain("DEEP_ARCHIVE");
    const prefix = "gone/tenants/default/documents/archive/";
    for await (const { key } of store.list(prefix)) await store.delete(key);
    const ran = await shell.run("restore", "--speed", "bulk");
    expect(failed(ran)).toEqual([1, ""]);
    expect(ran.error).toMatch(/job \w+ failed: The file of an archived shard is missing/);
    const waited = await shell.run("restore", "--wait", "--json");
    expect(waited.code).toBe(1);
    expect(JSON.parse(waited.out)).toMatchObject({ status: "failed", error: { code: "object_missing" } });
  }, 300_000);
});

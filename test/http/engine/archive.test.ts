import { beforeAll, describe, expect, test } from "vitest";
import { scopeOf } from "../../../src/base/index.ts";
import type { CollectionStats, JobInfo } from "../../../src/engine/index.ts";
import { atEnd, shared } from "../../engine/support/engine.ts";
import { hasS3Server, type S3Server, startS3Server, withoutS3Server } from "../../support/s3-server.ts";
import { type RealServer, realServer } from "../support/real-server.ts";
import type { Answer } from "../support/server.ts";

const needsRestore = "archived_needs_restore";
const patience = { timeout: 240_000, interval: 50 };

/**
 * Over a real S3 server, whose restored copies come when the test lets them. It differs from Amazon's in that they never go
 * again; that is tested with the store in memory.
 */
const title = hasS3Server ? "archived shards over HTTP" : `archived shards over HTTP (${withoutS3Server})`;
describe.skipIf(!hasS3Server)(title, () => {
  let s3: S3Server;
  let http: RealServer;
  beforeAll(() =>
    shared(async () => {
      s3 = await startS3Server();
      atEnd(() => s3.stop());
      await s3.createBucket("http");
      http = await realServer("s3://http/some/prefix", { s3Endpoint: s3.endpoint, restorePollMs: 100 });
    }),
  );

  const post = (path: string, body: object): Promise<Answer> => http.call("POST", `/api/v1/${path}`, body);
  const stats = async (collection: string): Promise<CollectionStats> =>
    (await http.call("GET", `/api/v1/collections/${collection}/stats`)).body as CollectionStats;
  const shardOf = async (collection: string, id: string): Promise<unknown> =>
    (await stats(collection)).shards.find((shard) => shard.id === id);
  const job = async (id: string): Promise<JobInfo> => (await http.call("GET", `/api/v1/jobs/${id}`)).body as JobInfo;
  const begun = async (path: string, body: object): Promise<string> => {
    const answer = await post(path, body);
    const { id } = answer.body.job as JobInfo;
    expect([answer.status, answer.headers.get("location")]).toEqual([202, `/api/v1/jobs/${id}`]);
    return id;
  };
  const done = (id: string, result: object): Promise<void> =>
    expect.poll(() => job(id), patience).toMatchObject({ status: "done", error: null, result });
  const search = (collection: string, query: string, more: object = {}): Promise<Answer> =>
    post("search/hybrid", { collection, query, limit: 10, ...more });
  const idsIn = ({ body }: Answer): readonly string[] => body.results.map(({ id }: { id: string }) => id).sort();

  /** A shard of 2020, which alone has the word `fossil`, and one of 2024: their ids. */
  async function furnished(collection: string): Promise<{ readonly old: string; readonly young: string }> {
    const ids: string[] = [];
    for (const [name, word, year] of [
      ["old", "fossil", 2020],
      ["young", "leaf", 2024],
    ] as const) {
      const documents = [1, 2].map((no) => ({
        id: `${name}${no}`,
        text: `${word} stone`,
        metadata: { no },
        created_at: `${year}-05-0${no}T10:00:00Z`,
      }));
      expect((await post("documents/batch", { collection, documents })).body.accepted).toBe(2);
      await http.engine.fold(scopeOf("default", collection));
      ids.push((await stats(collection)).shards.map(({ id }) => id).find((id) => !ids.includes(id)) ?? "");
    }
    const [old = "", young = ""] = ids;
    return { old, young };
  }

  test("answers go without a frozen shard and say how to have it back; a job brings it", async () => {
    const collection = "frozen";
    const { old } = await furnished(collection);
    const all = ["old1", "old2", "young1", "young2"];
    const { generation } = await stats(collection);
    const archive = await begun("admin/archive", { collection, shards: [old], storage_class: "GLACIER" });
    await done(archive, { shards_archived: 1 });
    const archivedShard = { status: "archived", storage_class: "GLACIER", deleted: 0 };
    expect(await shardOf(collection, old)).toMatchObject({
      ...archivedShard,
      archived: { needs_restore: true, restore_asked_at: null },
    });

    const call = `POST /api/v1/admin/restore {"collection":"${collection}","shards":["${old}"]}`;
    const failed = [{ shard: old, code: needsRestore, detail: expect.stringContaining(call) }];
    const cold = await search(collection, "stone");
    expect(cold.body).toMatchObject({ degraded: true, failed_shards: failed });
    expect(idsIn(cold)).toEqual(["young1", "young2"]);
    const where = "created_at > '2023-01-01'";
    expect((await search(collection, "leaf", { where })).body).toMatchObject({ degraded: false, failed_shards: [] });
    const semantic = await post("search", { collection, query: "fossil stone" });
    expect(semantic.body).toMatchObject({ degraded: true, failed_shards: failed });
    const sql = await post("search/sql", { collection, sql: "SELECT id FROM documents ORDER BY id" });
    expect(sql.body).toMatchObject({ rows: [["young1"], ["young2"]], degraded: true, failed_shards: failed });
    const young = "SELECT id FROM documents WHERE created_at > '2023-01-01' ORDER BY id";
    expect((await post("search/sql", { collection, sql: young })).body).toMatchObject({ degraded: false });
    const document = `/api/v1/documents/old1?collection=${collection}`;
    for (const [method, body] of [
      ["GET", undefined],
      ["PATCH", { metadata: { no: 7 } }],
    ] as const) {
      const refused = await http.call(method, document, body);
      expect([refused.status, refused.body.code]).toEqual([409, needsRestore]);
      expect(refused.body.detail).toContain(call);
    }
    expect((await http.call("GET", `/api/v1/documents/young1?collection=${collection}`)).status).toBe(200);

    // What is done to collections goes past it.
    expect(await http.engine.verify(scopeOf("default", collection))).toMatchObject({
      ok: true,
      documents: 4,
      archived: [{ shard: old, storage_class: "GLACIER", needs_restore: true }],
    });
    await done(await begun(`collections/${collection}/compact`, {}), {});
    const gc = await post(`collections/${collection}/gc`, { dry_run: false });
    expect(gc.body).toMatchObject({ orphans: [] });
    expect(await shardOf(collection, old)).toMatchObject(archivedShard);
    expect((await http.call("DELETE", `/api/v1/documents/old2?collection=${collection}`)).status).toBe(200);

    // The generation before names the file where it lay.
    const then = await search(collection, "stone", { as_of: generation });
    expect([idsIn(then), then.body.degraded]).toEqual([all, false]);

    await s3.holdRestores();
    const restore = await begun("admin/restore", { collection, speed: "bulk" });
    await expect
      .poll(() => job(restore), patience)
      .toMatchObject({
        status: "running",
        waits_until: expect.any(String),
        progress: { done: 0, total: 1, unit: "shards" },
      });
    expect(await shardOf(collection, old)).toMatchObject({
      ...archivedShard,
      archived: { restore_asked_at: expect.any(String) },
    });
    const told = await search(collection, "fossil");
    expect(told.body.failed_shards[0].detail).toContain("asked for at");
    const again = await begun("admin/restore", { collection, shards: [old] });
    await s3.finishRestores();
    for (const id of [restore, again]) await done(id, {});
    expect(await shardOf(collection, old)).toMatchObject({ storage_class: "STANDARD", archived: null });
    const back = await search(collection, "stone");
    expect([idsIn(back), back.body.degraded]).toEqual([["old1", "young1", "young2"], false]);
    expect((await http.call("GET", document)).body).toMatchObject({ id: "old1", metadata: { no: 1 } });
    expect(await http.engine.verify(scopeOf("default", collection))).toMatchObject({ ok: true, archived: [] });
  }, 600_000);

  test("a restore that waits can be cancelled, and asked for anew", async () => {
    const collection = "cancelled";
    const { old } = await furnished(collection);
    await done(await begun("admin/archive", { collection, older_than: "365d", storage_class: "DEEP_ARCHIVE" }), {
      shards_archived: 2,
    });
    await s3.holdRestores();
    const waiting = await begun("admin/restore", { collection, shards: [old] });
    await expect.poll(() => job(waiting), patience).toMatchObject({ waits_until: expect.any(String) });
    await http.call("DELETE", `/api/v1/jobs/${waiting}`);
    await expect.poll(() => job(waiting), patience).toMatchObject({ status: "cancelled", waits_until: null });
    await s3.finishRestores();
    expect(await shardOf(collection, old)).toMatchObject({ storage_class: "DEEP_ARCHIVE" });
    await done(await begun("admin/restore", { collection }), { shards_restored: 2 });
  }, 600_000);

  test("what makes no sense is refused with its code; what there is nothing to do for is done", async () => {
    const collection = "refused";
    const { old, young } = await furnished(collection);
    const archive = (body: object): Promise<Answer> => post("admin/archive", { collection, ...body });
    const restore = (body: object): Promise<Answer> => post("admin/restore", { collection, ...body });
    const codeOf = async (asked: Promise<Answer>): Promise<unknown> => {
      const { status, body } = await asked;
      return [status, body.code];
    };
    expect(await codeOf(archive({}))).toEqual([400, "shards_or_older_than"]);
    expect(await codeOf(archive({ shards: [old], older_than: "1d" }))).toEqual([400, "shards_or_older_than"]);
    expect(await codeOf(archive({ shards: [] }))).toEqual([400, "invalid_field"]);
    expect(await codeOf(archive({ older_than: "soon" }))).toEqual([400, "invalid_older_than"]);
    expect(await codeOf(archive({ shards: [old, "nothing"] }))).toEqual([404, "shard_not_found"]);
    const freezer = await archive({ shards: [old], storage_class: "FREEZER" });
    expect([freezer.status, freezer.body.code]).toEqual([400, "invalid_field"]);
    expect(JSON.stringify(freezer.body.errors)).toContain("GLACIER_IR");
    expect(await codeOf(restore({ shards: ["nothing"] }))).toEqual([404, "shard_not_found"]);
    expect(await codeOf(restore({ speed: "warp" }))).toEqual([400, "invalid_field"]);
    const nowhere = { collection: "nowhere" };
    expect(await codeOf(archive({ ...nowhere, older_than: "1d" }))).toEqual([404, "collection_not_found"]);
    expect(await codeOf(restore(nowhere))).toEqual([404, "collection_not_found"]);
    const spec = { name: "contradicting", archive_after_days: -1 };
    expect(await codeOf(post("collections", spec))).toEqual([400, "invalid_field"]);
    expect(await codeOf(post("collections", { ...spec, archive_after_days: 1, archive_class: "STANDARD" }))).toEqual([
      400,
      "invalid_field",
    ]);

    await done(await begun("admin/restore", { collection, shards: [old] }), { shards_restored: 0 });
    for (const shards_archived of [1, 0]) {
      const body = { collection, shards: [old, old], storage_class: "DEEP_ARCHIVE" };
      await done(await begun("admin/archive", body), { shards_archived });
    }
    expect(await codeOf(archive({ shards: [young, old], storage_class: "GLACIER" }))).toEqual([409, needsRestore]);
    expect(await codeOf(restore({ speed: "expedited" }))).toEqual([400, "speed_not_available"]);
    await done(await begun("admin/restore", { collection }), { shards_restored: 1 });
  }, 600_000);
});

import { beforeAll, describe, expect, test } from "vitest";
import { scheduleEvent } from "../../infra/local/cloud.ts";
import type { S3Server } from "../../infra/local/s3/s3-server.ts";
import { scopeOf, systemClock } from "../../src/base/index.ts";
import type { CollectionSpec, CollectionStats, JobInfo, MaintenanceReport } from "../../src/engine/index.ts";
import { shared } from "../engine/support/engine.ts";
import type { Answer } from "../http/support/server.ts";
import { type TestCloud, testCloud } from "./support/cloud.ts";
import { engineBeside } from "./support/shards.ts";

const dayMs = 24 * 3_600_000;
const long = 10 * 60_000;
const policy = { archive_after_days: 30 } as const;

/** What the schedule does, in time that is now; the documents, and the shards they lie in, are of sixty days ago. */
describe("archiving on a schedule", () => {
  let cloud: TestCloud;
  let s3: S3Server;
  beforeAll(() =>
    shared(async () => {
      // Only what the schedule calls is looked at here, a run at a time.
      cloud = await testCloud({
        environment: { RESTORE_POLL_MS: "1000", MAINTAIN_QUIET_MS: "0", MAINTAIN_FUNCTION_NAME: "" },
      });
      if (cloud.s3 === undefined) throw new Error("the cloud has no S3 server");
      s3 = cloud.s3;
      const engine = await engineBeside(cloud, { ...systemClock, now: () => Date.now() - 60 * dayMs });
      const collections: Readonly<Record<string, Partial<CollectionSpec>>> = {
        instant: { ...policy, archive_class: "GLACIER_IR" },
        deep: { ...policy, archive_class: "DEEP_ARCHIVE" },
        kept: { archive_after_days: 0, archive_class: "GLACIER" },
        named: {},
      };
      for (const [name, spec] of Object.entries(collections)) {
        const scope = scopeOf("default", name);
        await engine.createCollection(scope, { dimensions: 2, embedding_model: "none", shard_max_docs: 2, ...spec });
        for (const part of ["a", "b"]) {
          const documents = [1, 2].map((no) => ({ id: `${part}${no}`, text: `word ${part}`, embedding: [1, no] }));
          await engine.putMany(scope, documents);
          await engine.fold(scope);
        }
      }
    }),
  );

  const scheduled = async (): Promise<MaintenanceReport> => {
    const { outcome } = await cloud.invoke("maintain", scheduleEvent());
    if (outcome.kind !== "answer") throw new Error(`maintain: ${outcome.kind}`);
    return JSON.parse(outcome.body.toString()) as MaintenanceReport;
  };
  const stats = async (name: string): Promise<CollectionStats> =>
    (await cloud.call("GET", `/api/v1/collections/${name}/stats`)).body as CollectionStats;
  const classes = async (name: string): Promise<readonly string[]> =>
    (await stats(name)).shards.map(({ storage_class: storageClass }) => storageClass);
  const search = (collection: string): Promise<Answer> =>
    cloud.call("POST", "/api/v1/search", { vector: [1, 1], limit: 10, recall: "exact", collection });
  const idsIn = ({ body }: Answer): readonly string[] => body.results.map(({ id }: { id: string }) => id).sort();
  const begun = async (what: "archive" | "restore", body: object): Promise<string> => {
    const answer = await cloud.call("POST", `/api/v1/admin/${what}`, body);
    expect([answer.status, answer.headers.get("location")]).toEqual([202, `/api/v1/jobs/${answer.body.job.id}`]);
    return answer.body.job.id;
  };
  const job = async (id: string): Promise<JobInfo> => (await cloud.call("GET", `/api/v1/jobs/${id}`)).body as JobInfo;
  /** As many runs as it takes until the job is like that: one that has begun to look is not hurried by the next. */
  const runsUntil = async (id: string, wanted: object): Promise<void> => {
    const afterRun = async (): Promise<JobInfo> => {
      expect(await scheduled()).toMatchObject({ complete: true, policies: 0, failed: 0 });
      return await job(id);
    };
    await expect.poll(afterRun, { timeout: long / 2, interval: 100 }).toMatchObject(wanted);
  };
  const everyone = ["a1", "a2", "b1", "b2"];

  test(
    "each collection's policy moves its old shards in one run, and reads and writes go on",
    async () => {
      expect(idsIn(await search("instant"))).toEqual(everyone);
      expect(await scheduled()).toMatchObject({ complete: true, policies: 2, failed: 0 });
      expect(await classes("instant")).toEqual(["GLACIER_IR", "GLACIER_IR"]);
      expect(await classes("deep")).toEqual(["DEEP_ARCHIVE", "DEEP_ARCHIVE"]);
      expect([...(await classes("kept")), ...(await classes("named"))]).toEqual(Array(4).fill("STANDARD"));

      const warm = await search("instant");
      expect([idsIn(warm), warm.body.degraded]).toEqual([everyone, false]);
      const put = { id: "c", text: "word c", embedding: [1, 3], collection: "deep" };
      expect((await cloud.call("POST", "/api/v1/documents", put)).status).toBe(201);
      const cold = await search("deep");
      const failed = cold.body.failed_shards as { code: string; detail: string }[];
      expect([idsIn(cold), cold.body.degraded, failed.map(({ code }) => code)]).toEqual([
        ["c"],
        true,
        ["archived_needs_restore", "archived_needs_restore"],
      ]);
      expect(failed[0]?.detail).toContain("POST /api/v1/admin/restore");
      const get = await cloud.call("GET", "/api/v1/documents/a1?collection=deep");
      expect([get.status, get.body.code]).toEqual([409, "archived_needs_restore"]);
      expect(get.body.detail).toContain("POST /api/v1/admin/restore");

      expect(await scheduled()).toMatchObject({ complete: true, policies: 0, failed: 0 });
      expect(await classes("instant")).toEqual(["GLACIER_IR", "GLACIER_IR"]);
    },
    long,
  );

  test(
    "a restore is asked for by one run and finished by the one that finds the copy there; it stays",
    async () => {
      await s3.holdRestores();
      const id = await begun("restore", { collection: "deep" });
      expect(await job(id)).toMatchObject({ kind: "restore", status: "running", waits_until: null });
      for (let run = 0; run < 2; run++) {
        const progress = { done: 0, total: 2 };
        await runsUntil(id, { status: "running", waits_until: expect.any(String), progress });
        const { shards } = await stats("deep");
        const asked = shards.flatMap(({ archived }) => archived?.restore_asked_at ?? []);
        expect(asked).toHaveLength(2);
        expect((await search("deep")).body.failed_shards[0].detail).toContain("asked for at");
      }
      await s3.finishRestores();
      await runsUntil(id, { status: "done", result: { shards_restored: 2 }, waits_until: null });
      const back = await search("deep");
      expect([idsIn(back), back.body.degraded]).toEqual([[...everyone, "c"], false]);
      expect(await scheduled()).toMatchObject({ policies: 0 });
      expect(new Set(await classes("deep"))).toEqual(new Set(["STANDARD"]));
    },
    long,
  );

  test(
    "what is asked for by name is done by the next run, and the other shard still answers",
    async () => {
      const [first] = (await stats("named")).shards;
      const shards = [first?.id ?? ""];
      const id = await begun("archive", { collection: "named", shards, storage_class: "GLACIER" });
      await runsUntil(id, { status: "done", result: { shards_archived: 1 } });
      expect((await classes("named")).toSorted()).toEqual(["GLACIER", "STANDARD"]);
      const found = await search("named");
      expect([idsIn(found).length, found.body.degraded]).toEqual([2, true]);
      const sql = { sql: "SELECT id FROM documents", collection: "named" };
      const rows = await cloud.call("POST", "/api/v1/search/sql", sql);
      expect([rows.body.row_count, rows.body.degraded, rows.body.failed_shards[0].shard]).toEqual([2, true, ...shards]);
      const unknown = await cloud.call("POST", "/api/v1/admin/archive", { collection: "named", shards: ["nothing"] });
      expect([unknown.status, unknown.body.code]).toEqual([404, "shard_not_found"]);
      const restored = await begun("restore", { collection: "named", shards });
      await runsUntil(restored, { status: "done", result: { shards_restored: 1 } });
      expect(idsIn(await search("named"))).toEqual(everyone);
    },
    long,
  );
});

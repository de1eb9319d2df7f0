import { beforeAll, describe, expect, test } from "vitest";
import { scopeOf } from "../../../src/base/index.ts";
import type { JobInfo } from "../../../src/engine/index.ts";
import { shared, temporaryFolder } from "../../engine/support/engine.ts";
import { type RealServer, realServer } from "../support/real-server.ts";
import type { Answer } from "../support/server.ts";

/** All link to the hub, and the hub to `a`: by hand, hub first, then `a`, then the others, which nobody links to. */
const links = { hub: ["a"], a: ["hub"], b: ["hub"], c: ["hub", "elsewhere"] } as const;
const names = Object.keys(links);
const [collection, damping] = ["pages", 0.85];

let http: RealServer;
beforeAll(() =>
  shared(async () => {
    http = await realServer(temporaryFolder());
    // Two shards, and a document that is in the log only.
    for (const [at, part] of [names.slice(0, 2), names.slice(2, 3), names.slice(3)].entries()) {
      const documents = part.map((id) => ({
        id,
        text: `page ${id}`,
        metadata: { outbound_links: links[id as keyof typeof links] },
      }));
      expect((await post("documents/batch", { collection, documents })).body.accepted).toBe(part.length);
      if (at < 2) await http.engine.fold(scopeOf("default", collection));
    }
  }),
);

const post = (path: string, body: object): Promise<Answer> => http.call("POST", `/api/v1/${path}`, body);
const rank = (more: object = {}): Promise<Answer> => post("admin/compute-pagerank", { collection, ...more });
const sql = async (statement: string): Promise<readonly (readonly unknown[])[]> =>
  (await post("search/sql", { collection, sql: statement })).body.rows;

async function ended(begun: Answer): Promise<JobInfo> {
  const { id } = begun.body.job as JobInfo;
  expect([begun.status, begun.headers.get("location")]).toEqual([202, `/api/v1/jobs/${id}`]);
  const job = async (): Promise<JobInfo> => (await http.call("GET", `/api/v1/jobs/${id}`)).body as JobInfo;
  await expect.poll(job, { timeout: 120_000, interval: 20 }).not.toMatchObject({ status: "running" });
  return await job();
}

describe("ranks by links over HTTP", () => {
  test("are none before, and all there when the job is done", async () => {
    expect(await sql("SELECT count(*) FROM documents WHERE pagerank > 0")).toEqual([[0]]);
    const { body: before } = await http.call("GET", `/api/v1/collections/${collection}/stats`);
    expect(before.last_pagerank_at).toBeNull();
    const job = await ended(await rank({ damping, iterations: 1000, tolerance: 1e-12 }));
    expect(job).toMatchObject({ kind: "pagerank", collection, status: "done", error: null });
    expect(job.result).toMatchObject({ documents: 4, links: 4, converged: 1 });
    expect(job.progress.done).toBe(job.progress.total);

    const ranks = new Map((await sql("SELECT id, pagerank FROM documents")) as readonly (readonly [string, number])[]);
    // b and c get what a jump gives; hub = jump + d(a + b + c), a = jump + d·hub.
    const jump = (1 - damping) / 4;
    const hub = (jump + damping * (jump + 2 * jump)) / (1 - damping ** 2);
    for (const [id, value] of [
      ["b", jump],
      ["c", jump],
      ["hub", hub],
      ["a", jump + damping * hub],
    ] as const)
      expect(ranks.get(id), id).toBeCloseTo(value, 9);
    const { body: after } = await http.call("GET", `/api/v1/collections/${collection}/stats`);
    expect(after.last_pagerank_at).not.toBeNull();
  });

  test("order searches, are filtered by, and shown as scores", async () => {
    await ended(await rank());
    const ranker = { scorers: [{ name: "pagerank", weight: 1 }], fusion: "weighted_sum" };
    const found = await post("search/hybrid", { collection, query: "page", ranker, include: ["scores"] });
    const hits = found.body.results as { id: string; scores: { pagerank: number } }[];
    expect(hits.slice(0, 2).map(({ id }) => id)).toEqual(["hub", "a"]);
    for (const { id, scores } of hits)
      expect([[scores.pagerank]]).toEqual(await sql(`SELECT pagerank FROM documents WHERE id = '${id}'`));
    const above = await post("search", { collection, query: "page", where: "pagerank > 0.1" });
    expect(above.body.results.map(({ id }: { id: string }) => id).sort()).toEqual(["a", "hub"]);
  });

  test("take another key of metadata; what makes no sense is refused", async () => {
    expect((await ended(await rank({ links: "refs" }))).result).toMatchObject({ documents: 4, links: 0 });
    for (const [body, status, code] of [
      [{ damping: 1 }, 400, "invalid_field"],
      [{ iterations: 0 }, 400, "invalid_field"],
      [{ tolerance: -1 }, 400, "invalid_field"],
      [{ links: "" }, 400, "invalid_field"],
      [{ speed: "fast" }, 400, "unknown_field"],
      [{ collection: "nowhere" }, 404, "collection_not_found"],
    ] as const) {
      const answer = await rank(body);
      expect([body, answer.status, answer.body.code]).toEqual([body, status, code]);
    }
  });
});

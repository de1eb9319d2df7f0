import { cpSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, test } from "vitest";
import { scopeOf } from "../../src/base/index.ts";
import type { Mosaic } from "../../src/engine/index.ts";
import { FolderStore } from "../../src/store/index.ts";
import { openTestEngine, temporaryFolder } from "./support/engine.ts";

const scope = scopeOf("default", "documents");

/**
 * What a Mosaic of shard format 3 left in its storage: 60 documents `d0` … `d59` in one shard without columns of codes,
 * of which `d7` was deleted later. A third of them is of the section `games`, the others of `web`.
 */
const old = fileURLToPath(new URL("./format-3", import.meta.url));

describe("a shard of format 3", () => {
  let engine: Mosaic;
  let storage: string;
  beforeEach(async () => {
    storage = temporaryFolder();
    cpSync(old, storage, { recursive: true });
    engine = await openTestEngine({ store: new FolderStore(storage) });
  });

  const answers = async () => {
    const near = await engine.search(scope, { vector: [1, 0, 0, 0], limit: 3, include: [] });
    const vector = [Math.cos(0.7), Math.sin(0.7), 0, 0];
    const where = "metadata->>'section' = 'games' AND created_at >= '2024-01-02'";
    const filtered = await engine.search(scope, { vector, limit: 2, where, include: [], explain: true });
    const worded = await engine.hybrid(scope, { query: "+odd 9", limit: 1, include: [] });
    const counted = await engine.sql(scope, {
      sql: "SELECT metadata->>'section' AS s, count(*), sum(metadata->>'at') FROM documents GROUP BY s ORDER BY s",
    });
    return {
      near: near.results.map(({ id }) => id),
      filtered: filtered.results.map(({ id }) => id),
      by: filtered.plan?.shards.map(({ filter }) => filter),
      worded: worded.results.map(({ id }) => id),
      rows: counted.rows,
    };
  };
  const expected = {
    near: ["d0", "d1", "d2"],
    filtered: ["d6", "d9"],
    worded: ["d9"],
    rows: [
      ["games", 20, 570],
      ["web", 39, 1193],
    ],
  };

  test("answers every kind of question; its filters go to SQLite", async () => {
    expect(await answers()).toEqual({ ...expected, by: ["SQL"] });
    expect(await engine.verify(scope)).toMatchObject({ problems: [] });
  });

  test("takes writes, and becomes one of today's format when it is compacted", async () => {
    await engine.put(scope, { id: "d7", text: "even", embedding: [0, 0, 1, 0], metadata: { section: "web", at: 7 } });
    await engine.fold(scope);
    const { id } = await engine.compact(scope);
    await engine.jobEnded(id);
    expect(await engine.job(scope.tenant, id)).toMatchObject({ status: "done" });
    const rows = [
      ["games", 20, 570],
      ["web", 40, 1200],
    ];
    expect(await answers()).toEqual({ ...expected, rows, by: ["columns"] });
    expect(await engine.verify(scope)).toMatchObject({ problems: [] });
  });
});

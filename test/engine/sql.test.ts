import { expect, test } from "vitest";
import { type MosaicError, scopeOf } from "../../src/base/index.ts";
import { MemoryStore } from "../../src/store/index.ts";
import { errorOf, openTestEngine } from "./support/engine.ts";
import { allKeys } from "./support/stores.ts";

const scope = scopeOf("acme", "docs");
const document = (at: number) => ({
  id: `d${at}`,
  text: `document ${at}`,
  embedding: [1, at / 10, 0, 0],
  metadata: { section: at % 2 === 0 ? "even" : "odd", at },
});

test("SQL sees shards, deletes, replaced documents and the tail as one table", async () => {
  const engine = await openTestEngine({ store: new MemoryStore() });
  try {
    await engine.putMany(
      scope,
      Array.from({ length: 20 }, (_, at) => document(at)),
    );
    await engine.fold(scope);
    await engine.delete(scope, "d1");
    await engine.fold(scope);
    await engine.delete(scope, "d3");
    await engine.put(scope, { ...document(2), metadata: { section: "odd" } });
    await engine.put(scope, document(20));
    const counts = await engine.sql(scope, {
      sql: "SELECT metadata->>'section' AS s, count(*) AS n FROM documents GROUP BY s ORDER BY s",
    });
    expect(counts.columns).toEqual([{ name: "s" }, { name: "n" }]);
    expect(counts.rows).toEqual([
      ["even", 10],
      ["odd", 9],
    ]);
    expect(counts).toMatchObject({ row_count: 2, degraded: false, failed_shards: [] });

    const vector = JSON.stringify([1, 0, 0, 0]);
    const near = await engine.sql(scope, {
      sql: "SELECT d.id, typeof(d.embedding) FROM vector_search(:v, 3) s JOIN documents d ON d.id = s.id ORDER BY s.score DESC",
      params: { v: vector },
      explain: true,
    });
    expect(near.rows).toEqual([
      ["d0", "blob"],
      ["d2", "blob"],
      ["d4", "blob"],
    ]);
    expect(near.stats.rows_gathered).toBe(3);
    expect(near.plan).toMatchObject({ strategy: "gather", columns: ["id", "embedding"] });

    const none = await engine.sql(scope, { sql: "SELECT id FROM documents WHERE created_at < '2000'", explain: true });
    expect(none.rows).toEqual([]);
    expect(none.stats.shards_searched).toBe(0);
    expect(none.plan?.shards[0]?.reason).toMatch(/^no row fulfils/);

    const far = await engine.sql(scope, {
      sql: "SELECT vec_distance_l2(embedding, ?) FROM documents WHERE id = ?",
      params: [vector, "d10"],
    });
    expect(far.rows).toEqual([[1]]);
  } finally {
    await engine.close();
  }
});

test("what SQL refuses is said with its code", async () => {
  const engine = await openTestEngine({ store: new MemoryStore() });
  try {
    await engine.put(scope, document(1));
    const codeOf = async (sql: string, timeoutMs = 5000): Promise<string> =>
      ((await errorOf(engine.sql(scope, { sql, timeout_ms: timeoutMs }))) as MosaicError).code;
    expect(await codeOf("DELETE FROM documents")).toBe("sql_not_allowed");
    expect(await codeOf("SELECT txt FROM documents")).toBe("unknown_column");
    expect(await codeOf("SELECT FROM documents")).toBe("sql_syntax");
    expect(await codeOf("SELECT * FROM text_search(1)")).toBe("invalid_search_arguments");
    expect(await codeOf("SELECT embed('a')")).toBe("embedding_required");
    const endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
    expect(await codeOf(endless, 100)).toBe("query_timeout");
    expect((await engine.sql(scope, { sql: "SELECT count(*) FROM documents" })).rows).toEqual([[1]]);
  } finally {
    await engine.close();
  }
});

test("a search under aggregates gathers what it found, and no more", async () => {
  const engine = await openTestEngine({ store: new MemoryStore(), settings: { shardMaxDocs: 512 } });
  await engine.putMany(
    scope,
    Array.from({ length: 1000 }, (_, at) => document(at)),
  );
  await engine.fold(scope);
  const sql = `SELECT d.metadata->>'section' AS s, count(*), avg(v.score) FROM vector_search(?, 200) v
    JOIN documents d ON d.id = v.id GROUP BY s ORDER BY 2 DESC`;
  const found = await engine.sql(scope, { sql, params: [JSON.stringify([1, 0, 0, 0])] });
  expect(found.rows.map(([section, count]) => [section, count]).sort()).toEqual([
    ["even", 100],
    ["odd", 100],
  ]);
  expect(found.stats.rows_gathered).toBe(200);
  expect(found.stats.shards_total).toBeGreaterThan(1);
  expect(found.stats.shards_searched).toBeLessThan(found.stats.shards_total);
});

test("what a search or a scan could not read makes the answer degraded", async () => {
  const store = new MemoryStore();
  const writer = await openTestEngine({ store, settings: { shardMaxDocs: 512 } });
  await writer.putMany(
    scope,
    Array.from({ length: 1000 }, (_, at) => document(at)),
  );
  await writer.fold(scope);
  const shardKeys = (await allKeys(store, "")).filter((key) => key.includes("/shards/"));
  expect(shardKeys.length).toBeGreaterThan(1);
  const [damaged = ""] = shardKeys;
  const shard = /([^/]+)\.db$/.exec(damaged)?.[1];
  await store.put(damaged, new Uint8Array(100));

  const reader = await openTestEngine({ store });
  for (const sql of [
    "SELECT count(*) FROM text_search('document', 2000)",
    "SELECT v.id FROM vector_search('[1,0,0,0]', 2000) v",
    "SELECT d.text FROM hybrid_search('document', 2000) v JOIN documents d USING (id)",
    "SELECT max(id) FROM documents",
    "SELECT id, rank() OVER (ORDER BY id) FROM documents",
  ]) {
    const answer = await reader.sql(scope, { sql });
    expect(answer.degraded, sql).toBe(true);
    expect(
      answer.failed_shards.map((failed) => failed.shard),
      sql,
    ).toEqual([shard]);
  }
  // The manifest knows how many there are.
  const counted = await reader.sql(scope, { sql: "SELECT count(*) FROM documents" });
  expect(counted).toMatchObject({ rows: [[1000]], degraded: false });

  await reader.verify(scope, { repair: true });
  const after = await reader.sql(scope, { sql: "SELECT count(*), max(id) FROM documents" });
  expect(after.failed_shards).toMatchObject([{ shard, code: "shard_quarantined" }]);
  expect((await reader.sql(scope, { sql: "SELECT 1" })).degraded).toBe(false);
});

test("how many documents there are is known without reading any, whatever was deleted or replaced", async () => {
  const engine = await openTestEngine({ store: new MemoryStore(), settings: { shardMaxDocs: 512 } });
  const count = async () => {
    const { rows, stats } = await engine.sql(scope, { sql: "SELECT count(*) AS n FROM documents" });
    return { count: rows[0]?.[0], read: stats.shards_searched };
  };
  await engine.putMany(
    scope,
    Array.from({ length: 30 }, (_, at) => document(at)),
  );
  expect(await count()).toEqual({ count: 30, read: 0 });
  await engine.fold(scope);
  expect(await count()).toEqual({ count: 30, read: 0 });
  await engine.put(scope, document(30));
  expect(await count()).toEqual({ count: 31, read: 0 });
  // Where a shard's row is out of date that shard is asked, and no other.
  await engine.delete(scope, "d7");
  await engine.put(scope, { ...document(3), text: "another" });
  expect((await count()).count).toBe(30);
  await engine.fold(scope);
  expect(await count()).toEqual({ count: 30, read: 0 });
});

test("a few documents of a file that is elsewhere are read without it, and equal what the file says", async () => {
  const store = new MemoryStore();
  const writer = await openTestEngine({ store, settings: { shardMaxDocs: 512 } });
  await writer.putMany(
    scope,
    Array.from({ length: 1000 }, (_, at) => ({ ...document(at), text: `document ${at} ${"word ".repeat(100)}` })),
  );
  await writer.fold(scope);
  await writer.delete(scope, "d7");
  await writer.put(scope, document(8));
  const statements = [
    "SELECT id, text, metadata, hex(embedding), created_at, updated_at, pagerank, word_count FROM documents WHERE id = 'd500'",
    "SELECT id, word_count FROM documents WHERE id IN ('d1', 'd7', 'd8', 'd999', 'nobody') ORDER BY id",
    "SELECT count(*), max(id) FROM documents WHERE 'd42' = id AND word_count > 3",
    "SELECT count(*) FROM documents WHERE id = 'd7'",
    "SELECT d.id, d.metadata->>'at' FROM vector_search('[1,0,0,0]', 20) v JOIN documents d ON d.id = v.id ORDER BY 1",
  ];
  const sizes = (await writer.stats(scope)).shards.map(({ bytes }) => bytes);
  for (const sql of statements) {
    const far = await openTestEngine({ store, settings: { wholeFileBelow: 0, wholeFileAfter: 2 ** 30, sqlSpares: 1 } });
    await far.stats(scope);
    const found = await far.sql(scope, { sql });
    expect(found.rows, sql).toEqual((await writer.sql(scope, { sql })).rows);
    expect(found.degraded, sql).toBe(false);
    expect(found.stats.cost.bytes_fetched, sql).toBeLessThan(Math.min(...sizes) / 2);
  }
});

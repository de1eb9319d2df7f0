import { expect, test } from "vitest";
import { type MosaicError, scopeOf } from "../../src/base/index.ts";
import { MemoryStore } from "../../src/store/index.ts";
import { errorOf, openTestEngine } from "./support/engine.ts";

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

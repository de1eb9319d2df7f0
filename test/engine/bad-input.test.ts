import { describe, expect, test } from "vitest";
import { collectionName, scopeOf, tenantName } from "../../src/base/index.ts";
import type { CollectionSpec, DocumentInput, Json, Metadata, SearchRequest } from "../../src/engine/index.ts";
import { MemoryStore } from "../../src/store/index.ts";
import { docs, errorOf, openTestEngine } from "./support/engine.ts";
import { fakeEmbedder } from "./support/fake-embedder.ts";
import { allKeys } from "./support/stores.ts";

const vector = [1, 2, 3, 4];
const good: DocumentInput = { id: "good", text: "A good document.", embedding: vector };

/** What was refused left no trace: nothing was stored, and the next write goes through. */
async function expectRefused(document: unknown, kind: string, code: string): Promise<void> {
  const engine = await openTestEngine();
  await engine.put(docs, good);
  expect(await errorOf(engine.put(docs, document as DocumentInput))).toMatchObject({ kind, code });
  expect((await engine.stats(docs)).documents).toBe(1);

  const batch = await engine.putMany(docs, [document, { ...good, id: "beside it" }]);
  expect(batch).toMatchObject({ accepted: 1, errors: [{ index: 0, code }] });
  expect((await engine.get(docs, "beside it")).text).toBe(good.text);
  expect((await engine.stats(docs)).documents).toBe(2);
}

const nested = (levels: number): Metadata => JSON.parse(`${'{"a":'.repeat(levels - 1)}{}${"}".repeat(levels - 1)}`);
const ofBytes = (bytes: number): Metadata => ({ a: "x".repeat(bytes - '{"a":""}'.length) });

describe("a document is refused, and harms no other,", () => {
  test.each<[string, unknown, string, string]>([
    ["that is no object", ["a"], "invalid", "invalid_document"],
    ["with a field that documents do not have", { ...good, txt: "?" }, "invalid", "unknown_field"],
    ["without a text", { id: "a" }, "invalid", "invalid_text"],
    ["with a text that is no string", { text: 7 }, "invalid", "invalid_text"],
    ["with an empty text", { text: "" }, "invalid", "empty_text"],
    ["with a text of white space only", { text: " \n\t\u00a0\u2003" }, "invalid", "empty_text"],
    ["with half of a surrogate pair", { text: "half \ud83d" }, "invalid", "invalid_utf8"],
    ["with NaN in its vector", { ...good, embedding: [1, Number.NaN, 3, 4] }, "invalid", "invalid_vector"],
    [
      "with an infinite number",
      { ...good, embedding: [1, Number.POSITIVE_INFINITY, 3, 4] },
      "invalid",
      "invalid_vector",
    ],
    ["with a number beyond float32", { ...good, embedding: [1, 1e39, 3, 4] }, "invalid", "invalid_vector"],
    ["with a null in its vector", { ...good, embedding: [1, null, 3, 4] }, "invalid", "invalid_vector"],
    ["with a vector that is no array", { ...good, embedding: "1,2,3,4" }, "invalid", "invalid_vector"],
    ["with an empty vector", { ...good, embedding: [] }, "invalid", "invalid_vector"],
    ["with a vector of 4097 numbers", { ...good, embedding: Array(4097).fill(1) }, "invalid", "invalid_vector"],
    ["with a vector of zeros", { ...good, embedding: [0, 0, 0, 0] }, "invalid", "zero_vector"],
    ["with too short a vector", { ...good, embedding: [1, 2, 3] }, "invalid", "wrong_dimensions"],
    ["with too long a vector", { ...good, embedding: [1, 2, 3, 4, 5] }, "invalid", "wrong_dimensions"],
    ["with an empty id", { ...good, id: "" }, "invalid", "invalid_id"],
    ["with an id of 513 bytes", { ...good, id: "x".repeat(513) }, "invalid", "invalid_id"],
    ["with an id of 513 bytes in 171 characters", { ...good, id: "€".repeat(171) }, "invalid", "invalid_id"],
    ["with NUL in its id", { ...good, id: "a\0b" }, "invalid", "invalid_id"],
    ["with half of a surrogate pair in its id", { ...good, id: "\ud83d" }, "invalid", "invalid_id"],
    ["with a number as id", { ...good, id: 7 }, "invalid", "invalid_id"],
    ["with metadata that is an array", { ...good, metadata: [] }, "invalid", "invalid_metadata"],
    ["with metadata that is a text", { ...good, metadata: "a" }, "invalid", "invalid_metadata"],
    ["with metadata that is null", { ...good, metadata: null }, "invalid", "invalid_metadata"],
    ["with metadata 33 levels deep", { ...good, metadata: nested(33) }, "invalid", "metadata_too_deep"],
    ["with metadata 100,000 levels deep", { ...good, metadata: nested(100_000) }, "invalid", "metadata_too_deep"],
    ["with NaN in its metadata", { ...good, metadata: { a: [Number.NaN] } }, "invalid", "invalid_metadata"],
    ["with metadata of 64 KiB and a byte", { ...good, metadata: ofBytes(65_537) }, "too_large", "metadata_too_large"],
    ["with a time that is no text", { ...good, created_at: 1_700_000_000 }, "invalid", "invalid_timestamp"],
    ["with a time in words", { ...good, created_at: "yesterday" }, "invalid", "invalid_timestamp"],
    ["with 30 February", { ...good, created_at: "2024-02-30" }, "invalid", "invalid_timestamp"],
    ["with 25 o'clock", { ...good, created_at: "2024-02-28T25:00:00Z" }, "invalid", "invalid_timestamp"],
    ["with an empty time", { ...good, created_at: "" }, "invalid", "invalid_timestamp"],
  ])("%s", (_what, document, kind, code) => expectRefused(document, kind, code));

  test("whose text is longer than the limit in bytes", async () => {
    const engine = await openTestEngine({ settings: { maxTextBytes: 10 } });
    await engine.put(docs, { text: "0123456789" });
    const refused = await errorOf(engine.put(docs, { text: "€€€€" }));
    expect(refused).toMatchObject({ kind: "too_large", code: "text_too_large" });
    expect(String((refused as Error).message)).toMatch(/12 bytes.*10.*MAX_TEXT_BYTES/);
  });

  test("whose batch has more documents than the limit", async () => {
    const engine = await openTestEngine({ settings: { maxBatchDocs: 2 } });
    const refused = await errorOf(engine.putMany(docs, [good, good, good]));
    expect(refused).toMatchObject({ kind: "too_large", code: "too_many_documents" });
  });
});

describe("what lies just within the limits is stored as it came", () => {
  test("metadata 32 levels deep and of 64 KiB", async () => {
    const engine = await openTestEngine();
    await engine.put(docs, { ...good, id: "deep", metadata: nested(32) });
    await engine.put(docs, { ...good, id: "large", metadata: ofBytes(65_536) });
    expect((await engine.get(docs, "deep")).metadata).toEqual(nested(32));
    expect((await engine.get(docs, "large")).metadata).toEqual(ofBytes(65_536));
  });

  test("a key __proto__ stays a key", async () => {
    const engine = await openTestEngine();
    const metadata = JSON.parse('{"__proto__":{"admin":true},"constructor":1}') as Metadata;
    await engine.put(docs, { ...good, metadata });
    await engine.patch(docs, "good", { metadata: JSON.parse('{"__proto__":{"more":1}}') as Metadata });
    const stored = (await engine.get(docs, "good")).metadata;
    expect(JSON.stringify(stored)).toBe('{"__proto__":{"admin":true,"more":1},"constructor":1}');
    expect(({} as { admin?: Json }).admin).toBeUndefined();
  });

  test.each([
    ["2024-03-01", "2024-03-01 00:00:00"],
    ["2024-03-01T10:00:00Z", "2024-03-01 10:00:00"],
    ["2024-03-01T10:00:00.250+02:00", "2024-03-01 08:00:00.250"],
    ["2024-02-29 23:59:59", "2024-02-29 23:59:59"],
  ])("the time %s as %s", async (sent, stored) => {
    const engine = await openTestEngine();
    await engine.put(docs, { ...good, created_at: sent });
    expect((await engine.get(docs, "good")).created_at).toBe(stored);
  });

  test("a vector of zeros where the distance needs no direction", async () => {
    const engine = await openTestEngine();
    await engine.createCollection(docs, { distance: "l2" });
    await engine.put(docs, { ...good, embedding: [0, 0, 0, 0] });
    const answer = await engine.search(docs, { vector: [0, 0, 0, 0] });
    expect(answer.results).toMatchObject([{ id: "good", score: 1 }]);
  });
});

describe("ids", () => {
  const strange = [
    "/",
    "..",
    "../../other/docs/manifest.json",
    "./.",
    "a/b//c",
    "%2e%2e%2f",
    "%00",
    "%",
    "🦊",
    "👩‍👩‍👧‍👦 family",
    "é (composed)",
    "é (decomposed)",
    "https://example.org/path?query=1&b=%20#fragment",
    "C:\\windows\\system32",
    "'; DROP TABLE documents; --",
    " leading and trailing ",
    "\n\r\t",
    "\u202eright to left",
    "x".repeat(512),
    "€".repeat(170),
    "manifest.json",
    "__proto__",
  ];

  test("are any Unicode, come back byte by byte, and never become part of a key", async () => {
    const store = new MemoryStore();
    const engine = await openTestEngine({ store });
    await engine.putMany(
      docs,
      strange.map((id, at) => ({ id, text: `text ${at}`, embedding: [at + 1, 1, 1, 1] })),
    );
    const check = async (): Promise<void> => {
      for (const [at, id] of strange.entries())
        expect(await engine.get(docs, id)).toMatchObject({ id, text: `text ${at}` });
      const answer = await engine.search(docs, { vector, limit: 1000, recall: "exact" });
      expect(answer.results.map(({ id }) => id).sort()).toEqual([...strange].sort());
    };
    await check();
    await engine.fold(docs);
    await check();
    await engine.delete(docs, "..");
    await engine.fold(docs);
    expect(await errorOf(engine.get(docs, ".."))).toMatchObject({ code: "document_not_found" });

    const known =
      /^tenants\/acme\/docs\/(manifest\.json|manifests\/\d{12}\.json|wal\/\d{12}|(shards|summaries|terms|deletes)\/[0-9a-z]+(-\d+-[0-9a-f]+)?(\.db)?)$/;
    for (const key of await allKeys(store)) expect(key).toMatch(known);
  });

  test("that come twice in a batch store the last, and the answer says so", async () => {
    const engine = await openTestEngine();
    const answer = await engine.putMany(docs, [
      { id: "a", text: "first" },
      { id: "b", text: "only" },
      { id: "a", text: "second" },
      { id: "a", text: "last" },
    ]);
    expect(answer.accepted).toBe(2);
    expect(answer.errors).toMatchObject([
      { index: 0, id: "a", code: "duplicate_id", detail: expect.stringContaining("index 3") },
      { index: 2, id: "a", code: "duplicate_id" },
    ]);
    expect((await engine.get(docs, "a")).text).toBe("last");
    expect((await engine.stats(docs)).documents).toBe(2);
  });

  test("a bad repeat of an id does not displace the good one", async () => {
    const engine = await openTestEngine();
    const answer = await engine.putMany(docs, [
      { id: "a", text: "good" },
      { id: "a", text: "" },
    ]);
    expect(answer).toMatchObject({ accepted: 1, errors: [{ index: 1, id: "a", code: "empty_text" }] });
    expect((await engine.get(docs, "a")).text).toBe("good");
  });

  test("are checked by get, patch and delete as well", async () => {
    const engine = await openTestEngine();
    await engine.put(docs, good);
    for (const id of ["", "a\0b", "x".repeat(513)]) {
      const doors = [
        () => engine.get(docs, id),
        () => engine.patch(docs, id, { text: "a" }),
        () => engine.delete(docs, id),
      ];
      for (const ask of doors) expect(await errorOf(ask())).toMatchObject({ kind: "invalid", code: "invalid_id" });
    }
  });
});

describe("a patch is refused, and the document stays as it was,", () => {
  test.each<[string, unknown, string]>([
    ["with an empty text", { text: " " }, "empty_text"],
    ["with an id", { id: "other" }, "unknown_field"],
    ["with metadata that is an array", { metadata: [1] }, "invalid_metadata"],
    ["with a vector of another length", { embedding: [1, 2] }, "wrong_dimensions"],
    ["with a vector of zeros", { embedding: [0, 0, 0, 0] }, "zero_vector"],
    ["with a bad time", { created_at: "soon" }, "invalid_timestamp"],
    ["that would make the metadata too large", { metadata: { b: "x".repeat(65_000) } }, "metadata_too_large"],
    ["that would make the metadata too deep", { metadata: { b: nested(32) } }, "metadata_too_deep"],
  ])("%s", async (_what, patch, code) => {
    const engine = await openTestEngine();
    await engine.put(docs, { ...good, metadata: { a: "x".repeat(1000) } });
    const before = await engine.get(docs, "good", { embedding: true });
    expect(await errorOf(engine.patch(docs, "good", patch as object))).toMatchObject({ code });
    expect(await engine.get(docs, "good", { embedding: true })).toEqual(before);
  });
});

describe("a search is refused", () => {
  test.each<[string, unknown, string]>([
    ["with neither query nor vector", {}, "query_or_vector"],
    ["with both", { query: "a", vector }, "query_or_vector"],
    ["with a query of white space", { query: " " }, "empty_query"],
    ["with NaN in its vector", { vector: [1, Number.NaN, 3, 4] }, "invalid_vector"],
    ["with a vector of zeros", { vector: [0, 0, 0, 0] }, "zero_vector"],
    ["with a vector of another length", { vector: [1, 2, 3] }, "wrong_dimensions"],
    ["with limit 0", { vector, limit: 0 }, "invalid_limit"],
    ["with limit 1001", { vector, limit: 1001 }, "invalid_limit"],
    ["with a limit that is no whole number", { vector, limit: 1.5 }, "invalid_limit"],
    ["with a negative offset", { vector, offset: -1 }, "invalid_offset"],
    ["with an unknown recall", { vector, recall: "best" }, "invalid_recall"],
    ["with an unknown consistency", { vector, consistency: "weak" }, "invalid_consistency"],
    ["with an unknown field to include", { vector, include: ["secrets"] }, "invalid_include"],
    ["with NaN as min_score", { vector, min_score: Number.NaN }, "invalid_min_score"],
    ["with shard_limit 0", { vector, shard_limit: 0 }, "invalid_shard_limit"],
    ["with a text, where the collection has no model", { query: "a" }, "embedding_required"],
  ])("%s", async (_what, request, code) => {
    const engine = await openTestEngine();
    await engine.put(docs, good);
    expect(await errorOf(engine.search(docs, request as Partial<SearchRequest>))).toMatchObject({
      kind: "invalid",
      code,
    });
  });
});

describe("collections", () => {
  test("that do not exist are said to be missing by every read and change", async () => {
    const engine = await openTestEngine();
    const asked = [
      () => engine.get(docs, "a"),
      () => engine.patch(docs, "a", { text: "a" }),
      () => engine.delete(docs, "a"),
      () => engine.search(docs, { vector }),
      () => engine.stats(docs),
      () => engine.collection(docs),
      () => engine.deleteCollection(docs),
      () => engine.verify(docs),
      () => engine.fold(docs),
    ];
    for (const ask of asked)
      expect(await errorOf(ask())).toMatchObject({ kind: "not_found", code: "collection_not_found" });
    expect((await engine.collections(docs.tenant)).collections).toEqual([]);
  });

  const leaving = [
    "",
    ".",
    "..",
    "../other",
    "a/b",
    "/",
    "a/../../b",
    "A",
    "a b",
    "%2e%2e",
    "a\0",
    "é",
    "a".repeat(64),
    "-a",
  ];

  test("and tenants have no name that could leave their prefix", () => {
    for (const name of leaving) {
      expect(() => collectionName(name)).toThrow(expect.objectContaining({ code: "invalid_collection_name" }));
      expect(() => tenantName(name)).toThrow(expect.objectContaining({ code: "invalid_tenant_name" }));
    }
  });

  test("are checked by name at the engine's own door, for callers without types", async () => {
    const store = new MemoryStore();
    const engine = await openTestEngine({ store });
    for (const name of leaving) {
      for (const scope of [
        { tenant: name, collection: "docs" },
        { tenant: "acme", collection: name },
      ] as unknown as (typeof docs)[]) {
        for (const asked of [
          () => engine.put(scope, good),
          () => engine.search(scope, { vector }),
          () => engine.createCollection(scope, {}),
        ])
          expect(await errorOf(asked())).toMatchObject({ kind: "invalid" });
      }
    }
    expect(await allKeys(store)).toEqual([]);
  });

  test.each<[string, unknown, string]>([
    ["dimensions of 0", { dimensions: 0 }, "invalid_dimensions"],
    ["dimensions of 4097", { dimensions: 4097 }, "invalid_dimensions"],
    ["half a dimension", { dimensions: 1.5 }, "invalid_dimensions"],
    ["an unknown distance", { distance: "manhattan" }, "invalid_distance"],
    ["a model that the server does not have", { embedding_model: "openai:other" }, "embedding_model_not_allowed"],
    ["a precision that is not there yet", { precision: "int8" }, "not_supported"],
    ["no document a shard", { shard_max_docs: 0 }, "invalid_shard_max_docs"],
    ["NaN documents a shard", { shard_max_docs: Number.NaN }, "invalid_shard_max_docs"],
  ])("can't be made with %s", async (_what, spec, code) => {
    const engine = await openTestEngine();
    expect(await errorOf(engine.createCollection(docs, spec as CollectionSpec))).toMatchObject({
      kind: "invalid",
      code,
    });
    expect((await engine.collections(docs.tenant)).collections).toEqual([]);
  });

  test("can't be made twice", async () => {
    const engine = await openTestEngine();
    await engine.createCollection(docs, { dimensions: 4 });
    const refused = await errorOf(engine.createCollection(docs, { dimensions: 8 }));
    expect(refused).toMatchObject({ kind: "conflict", code: "collection_exists" });
    expect((await engine.collection(docs)).dimensions).toBe(4);
  });

  test("keep the dimensions that they were made with, or that the first vector had", async () => {
    const engine = await openTestEngine();
    const made = scopeOf("acme", "made");
    await engine.createCollection(made, { dimensions: 8 });
    expect(await errorOf(engine.put(made, good))).toMatchObject({ code: "wrong_dimensions" });
    await engine.put(docs, good);
    expect((await engine.collection(docs)).dimensions).toBe(4);
  });

  test("take their dimensions from a vector that was stored, not from one that was refused", async () => {
    const engine = await openTestEngine();
    await engine.createCollection(docs, {});
    expect(await errorOf(engine.put(docs, { text: "a", embedding: [0, 0] }))).toMatchObject({ code: "zero_vector" });
    expect((await engine.collection(docs)).dimensions).toBeNull();
    const batch = await engine.putMany(docs, [{ text: "a", embedding: [0, 0] }, good]);
    expect(batch).toMatchObject({ accepted: 1, errors: [{ index: 0 }] });
    expect((await engine.collection(docs)).dimensions).toBe(4);
    expect(await errorOf(engine.patch(docs, "good", { embedding: [0, 0] }))).toMatchObject({ code: "zero_vector" });
  });

  test("embedded by one model are not written or asked by a server with another", async () => {
    const store = new MemoryStore();
    const first = await openTestEngine({ store, embedder: fakeEmbedder("fake/a", 8) });
    await first.put(docs, { id: "a", text: "apples" });
    const other = await openTestEngine({ store, embedder: fakeEmbedder("fake/b", 8) });
    for (const asked of [
      () => other.put(docs, { text: "pears" }),
      () => other.patch(docs, "a", { text: "pears" }),
      () => other.search(docs, { query: "pears" }),
    ]) {
      const refused = await errorOf(asked());
      expect(refused).toMatchObject({ kind: "conflict", code: "embedding_model_mismatch" });
      expect(String((refused as Error).message)).toMatch(/fake\/a.*fake\/b/);
    }
    expect((await other.get(docs, "a")).text).toBe("apples");
    expect((await first.search(docs, { query: "apples" })).results).toMatchObject([{ id: "a" }]);
  });

  test("can't have other dimensions than their model", async () => {
    const engine = await openTestEngine({ embedder: fakeEmbedder("fake/a", 8) });
    const refused = await errorOf(engine.createCollection(docs, { dimensions: 16 }));
    expect(refused).toMatchObject({ kind: "invalid", code: "wrong_dimensions" });
    expect(String((refused as Error).message)).toMatch(/fake\/a.*8.*16/);
  });
});

import { expect, test } from "vitest";
import { scopeOf, whileAsked } from "../../src/base/index.ts";
import { type GetOptions, type GetResult, MemoryStore } from "../../src/store/index.ts";
import { errorOf, openTestEngine } from "./support/engine.ts";

const scope = scopeOf("acme", "docs");

/** Counts reads of shard files, and holds them until its gate opens. */
class HeldShards extends MemoryStore {
  readonly reached = Promise.withResolvers<void>();
  readonly gate = Promise.withResolvers<void>();
  reads = 0;

  override async get(key: string, options?: GetOptions): Promise<GetResult> {
    if (key.endsWith(".db")) {
      this.reads++;
      this.reached.resolve();
      await this.gate.promise;
    }
    return await super.get(key, options);
  }
}

test.each(["search", "stream", "sql"] as const)("a %s reads nothing more for a client that went away", async (kind) => {
  const store = new HeldShards();
  const writer = await openTestEngine({ store, settings: { shardMaxDocs: 512 } });
  await writer.putMany(
    scope,
    Array.from({ length: 1000 }, (_, at) => ({ id: `d${at}`, text: `text ${at}`, embedding: [1, at, 0] })),
  );
  await writer.fold(scope);

  const reader = await openTestEngine({ store, settings: { wholeFileBelow: 0, wholeFileAfter: 2 ** 30 } });
  const leaving = new AbortController();
  const request = { vector: [1, 2, 3], include: ["text"] } as const;
  const answer = whileAsked(leaving.signal, () => {
    if (kind === "search") return reader.search(scope, request);
    if (kind === "stream") return reader.searchStream(scope, request).next();
    return reader.sql(scope, {
      sql: "SELECT count(*) FROM vector_search('[1,2,3]', 10) v JOIN documents d USING (id)",
    });
  });
  await store.reached.promise;
  leaving.abort();
  const begun = store.reads;
  store.gate.resolve();
  expect(await errorOf(answer)).toMatchObject({ code: "client_gone" });
  expect(store.reads).toBe(begun);
  // Nobody else is harmed.
  expect((await reader.search(scope, request)).results).toHaveLength(10);
});

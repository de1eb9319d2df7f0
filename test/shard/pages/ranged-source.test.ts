import { join } from "node:path";
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { blockBytes } from "../../../src/shard/index.ts";
import { RangedSource } from "../../../src/shard/pages/ranged-source.ts";
import { SparseFile } from "../../../src/shard/pages/sparse-file.ts";
import { type GetOptions, type GetResult, MemoryStore } from "../../../src/store/index.ts";
import { errorOf, temporaryFolder } from "../../engine/support/engine.ts";
import { PassingStore } from "../../engine/support/stores.ts";
import { bytesOf } from "../cache/support/cache.ts";

/** Answers when it is let, or the signal of the request aborts. */
class HeldStore extends PassingStore {
  readonly gate = Promise.withResolvers<void>();
  override async get(key: string, options: GetOptions = {}): Promise<GetResult> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    options.signal?.addEventListener("abort", () => reject(options.signal?.reason as Error));
    await Promise.race([this.gate.promise, aborted]);
    return await super.get(key, options);
  }
}

test("who waits for blocks that another has asked for gets them also when the other gives up", async () => {
  const bytes = bytesOf(1, 3 * blockBytes);
  const store = new HeldStore(new MemoryStore());
  await store.put("object", bytes);
  const checks = new Uint32Array([0, 1, 2].map((at) => crc32(bytes.subarray(at * blockBytes, (at + 1) * blockBytes))));
  const sparse = await SparseFile.open(join(temporaryFolder(), "copy"), bytes.length);
  const source = new RangedSource(
    store,
    { key: "object", sizeBytes: bytes.length },
    new Uint8Array(checks.buffer),
    sparse,
  );
  const hasty = new AbortController();
  const first = errorOf(source.fetch([0, 1], hasty.signal));
  const second = source.fetch([0, 1, 2], new AbortController().signal);
  hasty.abort();
  expect(await first).toMatchObject({ name: "AbortError" });
  store.gate.resolve();
  await second;
  expect([0, 1, 2].map((block) => sparse.has(block))).toEqual([true, true, true]);
  await source.close();
});

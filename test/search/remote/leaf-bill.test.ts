import { expect, test } from "vitest";
import { type ShardId, scopeOf, silentLogger, systemClock, systemRandom } from "../../../src/base/index.ts";
import { LeafService, openLocalLeaves } from "../../../src/search/index.ts";
import { nothingFound } from "../../../src/search/leaf-replies.ts";
import { LambdaLeaves, type LambdaLeavesParts } from "../../../src/search/remote/lambda-leaves.ts";
import { fromWire, packed, toWire } from "../../../src/search/remote/wire.ts";
import { MemoryStore, Metered } from "../../../src/store/index.ts";
import { currentReceipt, emptyReceipt, withReceipt } from "../../../src/telemetry/index.ts";
import { testSettings } from "../../engine/support/engine.ts";

test("what leaf functions read, and in which class it lay, is on the receipt of the query", async () => {
  const tools = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const store = new Metered(new MemoryStore(), currentReceipt);
  await store.put("warm", Buffer.alloc(100));
  await store.put("cold", Buffer.alloc(1000), { storageClass: "GLACIER_IR" });
  const local = openLocalLeaves(testSettings({ wholeFileAfter: 0 }), { ...tools, store });
  const reading = {
    ask: async () => {
      await store.get("warm");
      await store.get("cold", { range: { start: 0, end: 40 } });
      await store.get("cold", { range: { start: 60, end: 70 } });
      return { ...nothingFound, work: { ...nothingFound.work, computeMs: 7 } };
    },
  };
  const service = new LeafService({ leaves: reading, files: local.files, clock: systemClock, memoryMb: 1769 });
  const invoker: LambdaLeavesParts["invoker"] = {
    // Each function has a receipt of its own, as in a process of its own.
    invoke: async (_leaf, text) => ({
      kind: "answer",
      text: await withReceipt(emptyReceipt(), async () => toWire(await service.answer(packed(fromWire(text))))),
    }),
  };
  const leaves = new LambdaLeaves({
    ...{ ...tools, invoker, local: reading, isHere: async () => false },
    ...{ leafFunctions: 1, fanOutShards: 1, fanOutRows: 1, wholeFileBelow: 0, leafHedgeMs: 0 },
  });
  const entry = { deletes: null, documents: 10, vectors: 10, cells: 1 };
  const shards = ["a", "b"].map((id) => ({
    entry: { ...entry, id: id as ShardId, file: { key: `shards/${id}.db`, sizeBytes: 10_000_000, sha256: "00" } },
    excluded: [],
    ids: ["x"],
  }));
  const request = { kind: "lookup", scope: scopeOf("acme", "docs"), shards, withDocument: false } as const;
  const receipt = emptyReceipt();
  await withReceipt(receipt, () => leaves.ask(request, 60_000));
  expect(receipt.invocations).toBe(1);
  expect([receipt.computeMs, receipt.functionComputeMs]).toEqual([7, 7]);
  expect(receipt).toMatchObject({
    getRequests: 3,
    bytesFetched: 150,
    cold: { GLACIER_IR: { requests: 2, bytes: 50 } },
  });
  await local.close();
});

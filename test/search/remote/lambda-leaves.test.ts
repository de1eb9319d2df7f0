import { describe, expect, test } from "vitest";
import { type ShardId, scopeOf, systemClock, systemRandom } from "../../../src/base/index.ts";
import type { LeafReply, LeafRequest, LeafTransport } from "../../../src/search/index.ts";
import { noWork } from "../../../src/search/leaf-request.ts";
import { partOfReply } from "../../../src/search/remote/answer-parts.ts";
import type { InvokeOutcome, Invoker } from "../../../src/search/remote/invoker.ts";
import { LambdaLeaves } from "../../../src/search/remote/lambda-leaves.ts";
import type { LeafAnswer, LeafCall } from "../../../src/search/remote/leaf-call.ts";
import { leafOf } from "../../../src/search/remote/leaf-of.ts";
import { LeafService } from "../../../src/search/remote/leaf-service.ts";
import { Parallelism } from "../../../src/search/remote/parallelism.ts";
import { fromWire, packed, toWire, unpacked } from "../../../src/search/remote/wire.ts";
import type { PartialObjects } from "../../../src/shard/index.ts";
import { emptyReceipt, withReceipt } from "../../../src/telemetry/index.ts";

const leafFunctions = 4;
const bill = {
  getRequests: 1,
  putRequests: 0,
  listRequests: 0,
  bytesFetched: 10,
  cacheHits: 0,
  gbSeconds: 0.1,
};

/** A request for so many shards, each larger than what is fetched whole. */
function lookup(shards: number, ids: readonly string[] = ["a"]): LeafRequest {
  const targets = Array.from({ length: shards }, (_, at) => ({
    entry: {
      id: `shard${at}` as ShardId,
      file: { key: `shards/${at}.db`, sizeBytes: 10_000_000, sha256: "00" },
      deletes: null,
      documents: 1000,
      vectors: 1000,
      cells: 2,
    },
    excluded: [],
    ids,
  }));
  return { kind: "lookup", scope: scopeOf("acme", "docs"), shards: targets, withDocument: false };
}

/** A row of each shard that was asked for. */
const replyTo = ({ shards }: LeafRequest, document: LeafReply["rows"][number]["document"] = null): LeafReply => ({
  hits: [],
  rows: shards.map(({ entry }) => ({ id: "a", shard: entry.id, row: 1, document, vector: null })),
  failed: [],
  work: noWork,
});
const answered = (call: LeafCall, more: Partial<LeafAnswer> = {}): InvokeOutcome => ({
  kind: "answer",
  text: toWire({ reply: replyTo(call.request), bill, unknown: [], ...more } satisfies LeafAnswer),
});

type Answer = (call: LeafCall, leaf: number, at: number) => InvokeOutcome | Promise<InvokeOutcome>;

function leavesOver(answer: Answer, { hedgeMs = 0, here = [] as readonly string[] } = {}) {
  const calls: { readonly leaf: number; readonly call: LeafCall }[] = [];
  const own: string[] = [];
  const invoker: Invoker = {
    invoke: async (leaf, text) => {
      const call = fromWire(text) as LeafCall;
      calls.push({ leaf, call });
      return await answer(call, leaf, calls.length - 1);
    },
  };
  const local: LeafTransport = {
    ask: async (request) => {
      own.push(...request.shards.map(({ entry }) => entry.id));
      return replyTo(request);
    },
  };
  const leaves = new LambdaLeaves({
    invoker,
    local,
    isHere: async ({ key }) => here.includes(key),
    clock: systemClock,
    random: { ...systemRandom, next: () => 0 },
    leafFunctions,
    fanOutShards: 2,
    fanOutRows: 1000,
    wholeFileBelow: 1000,
    leafHedgeMs: hedgeMs,
  });
  return { leaves, calls, own };
}

const patience = 60_000;
const shardsOf = ({ rows }: LeafReply): readonly string[] => rows.map(({ shard }) => shard).sort();
const all = (shards: number): readonly string[] => Array.from({ length: shards }, (_, at) => `shard${at}`).sort();

describe("a root with leaf functions", () => {
  test("asks each once for the shards that are its own", async () => {
    const { leaves, calls, own } = leavesOver((call) => answered(call));
    expect(shardsOf(await leaves.ask(lookup(40), patience))).toEqual(all(40));
    expect(calls.map(({ leaf }) => leaf).sort()).toEqual([0, 1, 2, 3]);
    for (const { leaf, call } of calls)
      for (const { entry } of call.request.shards) expect(leafOf(entry.id, leafFunctions)).toBe(leaf);
    expect(own).toEqual([]);
  });

  test("answers for shards that are here, and for a few that are not", async () => {
    const near = leavesOver((call) => answered(call), { here: ["shards/0.db", "shards/1.db"] });
    expect(shardsOf(await near.leaves.ask(lookup(10), patience))).toEqual(all(10));
    expect(near.own).toEqual(["shard0", "shard1"]);
    const few = leavesOver((call) => answered(call));
    await few.leaves.ask(lookup(1), patience);
    expect([few.calls, few.own]).toEqual([[], ["shard0"]]);
  });

  test("tells where things lie in a file to a leaf that asks", async () => {
    const layout = { places: new Uint8Array([1, 2]), checks: new Uint8Array([3]) };
    const { leaves, calls } = leavesOver((call) =>
      call.allLayouts
        ? answered(call)
        : answered(call, { unknown: call.request.shards.map(({ entry }) => entry.file.key) }),
    );
    for (let at = 0; at < 3; at++) leaves.note(`shards/${at}.db`, layout);
    expect(shardsOf(await leaves.ask(lookup(3), patience))).toEqual(all(3));
    const told = calls.filter(({ call }) => call.allLayouts).map(({ call }) => call.layouts);
    expect(Object.assign({}, ...told)).toEqual({ "shards/0.db": layout, "shards/1.db": layout, "shards/2.db": layout });
  });

  test("tells each leaf once, with its first call, what it has not told it before", async () => {
    const layout = { places: new Uint8Array([1, 2]), checks: new Uint8Array([3]) };
    const { leaves, calls } = leavesOver((call) => answered(call));
    const toldIn = async (shards: number): Promise<readonly string[]> => {
      calls.length = 0;
      await leaves.ask(lookup(shards), patience);
      expect(new Set(calls.map(({ leaf }) => leaf)).size).toBe(calls.length);
      return calls.flatMap(({ call }) => Object.keys(call.layouts)).sort();
    };
    for (let at = 0; at < 4; at++) leaves.note(`shards/${at}.db`, layout);
    expect(await toldIn(3)).toEqual(["shards/0.db", "shards/1.db", "shards/2.db"]);
    expect(await toldIn(3)).toEqual([]);
    expect(await toldIn(4)).toEqual(["shards/3.db"]);
  });

  test("tells no more than a megabyte unasked", async () => {
    const layout = { places: new Uint8Array(300_000), checks: new Uint8Array(0) };
    const { leaves, calls } = leavesOver((call) => answered(call));
    for (let at = 0; at < 40; at++) leaves.note(`shards/${at}.db`, layout);
    await leaves.ask(lookup(40), patience);
    expect(calls.map(({ call }) => Object.keys(call.layouts).length)).toEqual([3, 3, 3, 3]);
  });

  test("asks a second environment when the first does not answer, and takes who comes first", async () => {
    const { promise: never, resolve } = Promise.withResolvers<InvokeOutcome>();
    const slow = leafOf("shard0", leafFunctions);
    const first = new Set<number>();
    const { leaves, calls } = leavesOver(
      (call, leaf) => {
        if (leaf !== slow || first.has(leaf)) return answered(call);
        first.add(leaf);
        return never;
      },
      { hedgeMs: 1 },
    );
    expect(shardsOf(await leaves.ask(lookup(10), patience))).toEqual(all(10));
    expect(calls.filter(({ leaf }) => leaf === slow).length).toBeGreaterThanOrEqual(2);
    resolve({ kind: "failed", reason: "too late" });
  });

  test("asks again in halves when a call fails, and names the shards of what fails twice", async () => {
    const failing: Answer = (call) =>
      call.request.shards.some(({ entry }) => entry.id === "shard3")
        ? { kind: "failed", reason: "killed" }
        : answered(call);
    const { leaves } = leavesOver(failing);
    const reply = await leaves.ask(lookup(12), patience);
    const failed = reply.failed.map(({ shard }) => shard);
    expect(failed).toContain("shard3");
    expect([...shardsOf(reply), ...failed].sort()).toEqual(all(12));
    expect(new Set(reply.failed.map(({ error }) => error.code))).toEqual(new Set(["leaf_failed"]));
  });

  test("leaves out what does not come in time", async () => {
    const { promise: never } = Promise.withResolvers<InvokeOutcome>();
    const { leaves } = leavesOver(() => never);
    const reply = await leaves.ask(lookup(4), 20);
    expect(reply.failed.map(({ error }) => error.code)).toEqual(Array.from({ length: 4 }, () => "shard_timeout"));
  });

  test("counts no call that was refused", async () => {
    const { leaves, calls } = leavesOver((call, _leaf, at) => (at < 3 ? { kind: "throttled" } : answered(call)));
    const receipt = emptyReceipt();
    await withReceipt(receipt, () => leaves.ask(lookup(8), patience));
    expect(receipt.invocations).toBe(calls.length - 3);
  });

  test("makes no call that nobody waits for any more", async () => {
    const patienceMs = 40;
    const late = async (): Promise<void> => await systemClock.sleep(patienceMs + 20);
    const first = leavesOver(
      async (call) => {
        await late();
        return answered(call, { next: 1 });
      },
      { hedgeMs: patienceMs + 10 },
    );
    const reply = await first.leaves.ask(lookup(2), patienceMs);
    expect(reply.failed.map(({ error }) => error.code)).toEqual(["shard_timeout", "shard_timeout"]);
    const made = first.calls.length;
    await late();
    await late();
    expect([first.calls.length, first.own]).toEqual([made, []]);
  });

  test("splits a request that is larger than a call", async () => {
    const ids = Array.from({ length: 60_000 }, (_, at) => `an id that takes some room ${at}`);
    const { leaves, calls } = leavesOver((call) => answered(call));
    expect(shardsOf(await leaves.ask(lookup(8, ids), patience))).toEqual(all(8));
    for (const { call } of calls) expect(Buffer.byteLength(toWire(call))).toBeLessThan(6 * 1024 * 1024);
    expect(calls.length).toBeGreaterThan(leafFunctions);
  });
});

describe("an answer that is too large for one call", () => {
  const document = { text: "x".repeat(1000), metadata: "{}", createdAt: "", updatedAt: "" };
  const whole = replyTo(lookup(10), document);

  test("comes in parts that are the whole", () => {
    const rows: LeafReply["rows"][number][] = [];
    let parts = 0;
    for (let from: number | undefined = 0; from !== undefined; parts++) {
      const part: ReturnType<typeof partOfReply> = partOfReply(whole, from, 3500);
      expect(Buffer.byteLength(toWire(part.reply.rows))).toBeLessThan(3600);
      rows.push(...part.reply.rows);
      from = part.next;
    }
    expect(rows).toEqual(whole.rows);
    expect(parts).toBeGreaterThan(3);
  });

  test("is asked for anew when its parts are not of the same shards", async () => {
    const part = (call: LeafCall, lost: readonly string[], more: Partial<LeafAnswer> = {}): InvokeOutcome => {
      const rows = replyTo(call.request).rows.filter(({ shard }) => !lost.includes(shard));
      const error = { kind: "timeout", operation: "", code: "shard_timeout", detail: "" } as const;
      const failed = call.from === 0 ? lost.map((shard) => ({ shard, error })) : [];
      const end = more.next ?? rows.length;
      const reply = { hits: [], rows: rows.slice(call.from, end), failed, work: noWork };
      return answered(call, { reply, lost, ...more });
    };
    // The environment that is asked for the rest can't read the first shard, and counts without its rows.
    const { leaves, calls } = leavesOver((call, _leaf, at) => {
      const lost = call.from === 0 ? [] : [call.request.shards[0]?.entry.id as string];
      if (call.request.shards.length < 2 || at >= 40) return part(call, []);
      return part(call, lost, call.from === 0 ? { next: 1 } : {});
    });
    const reply = await leaves.ask(lookup(16), patience);
    expect(calls.some(({ call }) => call.from > 0)).toBe(true);
    expect(new Set(shardsOf(reply)).size).toBe(reply.rows.length);
    expect([...shardsOf(reply), ...reply.failed.map(({ shard }) => shard)].sort()).toEqual(all(16));
  });

  test("says in each part which shards failed", async () => {
    const error = { kind: "timeout", operation: "", code: "shard_timeout", detail: "" } as const;
    const text = { text: "x".repeat(1000), metadata: "{}", createdAt: "", updatedAt: "" };
    const found = {
      ...replyTo(lookup(10), text),
      failed: [
        { shard: "b", error },
        { shard: "a", error },
      ],
    };
    const answers: LeafAnswer[] = [];
    const files = { note: () => undefined, isReadable: async () => true, settled: async () => undefined };
    const service = new LeafService({
      leaves: { ask: async () => found },
      files: files as unknown as PartialObjects,
      clock: systemClock,
      memoryMb: 1769,
    });
    for (let from: number | undefined = 0; from !== undefined; from = answers.at(-1)?.next) {
      const call = { format: 1, request: lookup(10), layouts: {}, allLayouts: true, timeoutMs: 100, from } as const;
      answers.push(unpacked(await service.answer(packed({ ...call, mostBytes: 134_000 }))) as LeafAnswer);
    }
    expect(answers.length).toBeGreaterThan(2);
    for (const { lost } of answers) expect(lost).toEqual(["a", "b"]);
    expect(answers.flatMap(({ reply }) => reply.failed.map(({ shard }) => shard))).toEqual(["b", "a"]);
  });

  test("costs a shard whose document fits into none", () => {
    const { reply, next } = partOfReply(whole, 0, 500);
    expect([reply.rows, next]).toEqual([[], undefined]);
    expect(reply.failed.map(({ error }) => error.code)).toEqual(Array.from({ length: 10 }, () => "document_too_large"));
  });
});

test("typed arrays arrive as they were", () => {
  const value = {
    query: new Float32Array([0.5, -1]),
    visits: [new Uint32Array([7])],
    bits: Buffer.from([1, 2]),
    n: null,
  };
  expect(fromWire(toWire(value))).toEqual({ ...value, bits: new Uint8Array([1, 2]) });
});

test("one leaf function more takes shards from all others, and moves no other shard", () => {
  const before = all(1000).map((shard) => leafOf(shard, 4));
  const after = all(1000).map((shard) => leafOf(shard, 5));
  const moved = after.filter((leaf, at) => leaf !== before[at]);
  expect(new Set(moved)).toEqual(new Set([4]));
  expect(moved.length).toBeGreaterThan(100);
  expect(moved.length).toBeLessThan(300);
});

test("refusals halve the calls under way, answers bring them back one by one", async () => {
  const parallelism = new Parallelism(8);
  const gates = Array.from({ length: 8 }, () => Promise.withResolvers<void>());
  const running = gates.map(({ promise }) => parallelism.run(() => promise));
  parallelism.refused();
  expect(parallelism.limit).toBe(4);
  parallelism.answered();
  expect(parallelism.limit).toBe(5);
  for (const { resolve } of gates) resolve();
  await Promise.all(running);
});

test("an answer that is known in time waits for no file beyond half of the time that it has", async () => {
  const takesMs = 900;
  const timeoutMs = 1500;
  const never = new Promise<void>(() => undefined);
  const files = { note: () => undefined, isReadable: async () => true, settled: () => never };
  const service = new LeafService({
    leaves: {
      ask: async (request) => {
        await systemClock.sleep(takesMs);
        return replyTo(request);
      },
    },
    files: files as unknown as PartialObjects,
    clock: systemClock,
    memoryMb: 1769,
  });
  const { leaves } = leavesOver(async (call) => ({
    kind: "answer",
    text: JSON.stringify(await service.answer(packed(call))),
  }));
  const reply = await leaves.ask(lookup(4), timeoutMs);
  expect([shardsOf(reply), reply.failed]).toEqual([all(4), []]);
});

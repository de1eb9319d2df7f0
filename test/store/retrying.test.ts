import { describe, expect, test } from "vitest";
import { type Clock, MosaicError } from "../../src/base/index.ts";
import { type GetOptions, type GetResult, MemoryStore, type PutOptions, Retrying } from "../../src/store/index.ts";
import { TestClock, testRandom } from "../engine/support/clock.ts";
import { PassingStore } from "../engine/support/stores.ts";

const failure = (code: string): MosaicError => new MosaicError("unavailable", "call storage", { code });

/** Fails its calls as the script says, one entry each; `lost:<code>` does what was asked first. */
class Failing extends PassingStore {
  readonly script: string[];
  calls = 0;

  constructor(...script: readonly string[]) {
    super(new MemoryStore());
    this.script = [...script];
  }
  override get(key: string, options?: GetOptions): Promise<GetResult> {
    return this.#run(() => super.get(key, options));
  }
  override put(key: string, body: Uint8Array, options?: PutOptions): Promise<{ readonly etag: string }> {
    return this.#run(() => super.put(key, body, options));
  }
  override async *list(...args: Parameters<PassingStore["list"]>): ReturnType<MemoryStore["list"]> {
    this.calls++;
    const code = this.script.shift();
    let given = 0;
    for await (const info of super.list(...args)) {
      if (code !== undefined && given++ === 2) throw failure(code);
      yield info;
    }
  }

  async #run<T>(task: () => Promise<T>): Promise<T> {
    this.calls++;
    const code = this.script.shift();
    if (code === undefined) return await task();
    if (code.startsWith("lost:")) await task();
    throw failure(code.replace("lost:", ""));
  }
}

class SleepingClock extends TestClock {
  readonly slept: number[] = [];
  override async sleep(ms = 0): Promise<void> {
    this.slept.push(ms);
  }
}

const body = Buffer.from("v");
const create = { ifNoneMatch: "*" } as const;
function retrying(store: Failing, clock: Clock = new SleepingClock()): Retrying {
  return new Retrying(store, clock, testRandom(1));
}

describe("a call", () => {
  test.each(["storage_unreachable", "storage_busy", "storage_locked", "storage_failed"])(
    "that fails with %s is made again",
    async (code) => {
      const store = new Failing(code, code);
      expect(await retrying(store).get("k")).toEqual({ status: "absent" });
      expect(store.calls).toBe(3);
    },
  );

  test.each(["storage_full", "storage_read_only", "storage_denied", "restore_required", "bucket_not_found"])(
    "that fails with %s is not",
    async (code) => {
      const store = new Failing(code);
      await expect(retrying(store).get("k")).rejects.toMatchObject({ code });
      expect(store.calls).toBe(1);
    },
  );

  test("that goes on failing fails with the last error, after waits that grow to a bound", async () => {
    const clock = new SleepingClock();
    const store = new Failing(...Array.from({ length: 20 }, () => "storage_busy"));
    const policy = { attempts: 9, firstDelayMs: 50, maxDelayMs: 400 };
    const patient = new Retrying(store, clock, { ...testRandom(1), next: () => 1 }, policy);
    await expect(patient.get("k")).rejects.toMatchObject({ code: "storage_busy" });
    expect(store.calls).toBe(9);
    expect(clock.slept).toEqual([50, 100, 200, 400, 400, 400, 400, 400]);
  });

  test("waits by chance, so that many do not come back together", async () => {
    const clock = new SleepingClock();
    await retrying(new Failing("storage_busy", "storage_busy", "storage_busy"), clock).get("k");
    expect(new Set(clock.slept).size).toBe(3);
    clock.slept.forEach((ms, at) => {
      expect(ms).toBeLessThanOrEqual(50 * 2 ** at);
    });
  });

  test("that was given up is not made again", async () => {
    const store = new Failing("storage_busy", "storage_busy");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(retrying(store).get("k", { signal })).rejects.toBeDefined();
    expect(store.calls).toBe(1);
  });

  test("with a bug of ours in it is not made again", async () => {
    const store = new Failing();
    store.get = () => Promise.reject(new TypeError("a bug"));
    await expect(retrying(store).get("k")).rejects.toThrow("a bug");
  });
});

describe("a conditional put", () => {
  test.each(["conditional_conflict", "storage_busy"])("that was refused (%s) is made again", async (code) => {
    const store = new Failing(code);
    await retrying(store).put("k", body, create);
    expect(store.calls).toBe(2);
  });

  test.each(["outcome_unknown", "storage_unreachable", "storage_failed"])(
    "whose answer was lost (%s) is not: only its caller can tell",
    async (code) => {
      const store = new Failing(`lost:${code}`);
      await expect(retrying(store).put("k", body, create)).rejects.toMatchObject({ code });
      expect(store.calls).toBe(1);
      expect((await store.get("k")).status).toBe("found");
    },
  );

  test("that another one won is a conflict at once", async () => {
    const store = new Failing();
    await store.put("k", body);
    await expect(retrying(store).put("k", body, create)).rejects.toMatchObject({ kind: "conflict" });
    expect(store.calls).toBe(2);
  });

  test("unconditional ones whose answer was lost are harmless to repeat", async () => {
    const store = new Failing("lost:storage_unreachable");
    await retrying(store).put("k", body);
    expect(store.calls).toBe(2);
  });
});

test("a list that breaks off goes on where it broke off, and stays within its limit", async () => {
  for (const [limit, expected] of [
    [undefined, ["a", "b", "c", "d", "e"]],
    [4, ["a", "b", "c", "d"]],
  ] as const) {
    const store = new Failing();
    for (const key of ["a", "b", "c", "d", "e"]) await store.put(key, body);
    store.script.push("storage_unreachable", "storage_unreachable");
    const keys: string[] = [];
    for await (const { key } of retrying(store).list("", limit === undefined ? {} : { limit })) keys.push(key);
    expect(keys).toEqual(expected);
  }
});

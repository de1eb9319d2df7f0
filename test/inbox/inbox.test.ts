import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, test } from "vitest";
import { tenantName } from "../../src/base/index.ts";
import { listInbox } from "../../src/inbox/index.ts";
import type { ObjectStore } from "../../src/store/index.ts";
import { PassingStore } from "../engine/support/stores.ts";
import { lines, textsOf, type World, world } from "./support/world.ts";

const acme = tenantName("acme");
let w: World;
beforeEach(() => {
  w = world();
});

describe("a file", () => {
  test("is stored, folded and moved, and nothing of it is left in the inbox", async () => {
    const key = await w.drop("acme/docs/day/a.ndjson", lines(10));
    expect(await w.inbox.take(key)).toMatchObject({ status: "processed", accepted: 10, refused: 0 });
    expect(w.sink.texts()).toEqual(textsOf(10));
    expect(w.sink.folds).toBe(1);
    expect(await w.keys()).toEqual(["processed/acme/docs/day/a.ndjson"]);
    const got = await w.store.get("processed/acme/docs/day/a.ndjson");
    expect(got.status === "found" && Buffer.from(got.bytes).toString()).toBe(lines(10));
  });

  test.each([
    ["a.ndjson.gz", gzipSync(lines(20)), textsOf(20)],
    ["a.json", '[{"text":"x"},{"text":"y"}]', ["x", "y"]],
    ["a.json.gz", gzipSync('[{"text":"x"}]'), ["x"]],
    ["a.csv", "text,kind\nx,1\ny,2\n", ["x", "y"]],
    ["a.csv.gz", gzipSync("text\nx\n"), ["x"]],
    ["a.md", "# T\n\nx", ["# T\n\nx"]],
    ["a.md.gz", gzipSync("x"), ["x"]],
    ["a.txt", "x", ["x"]],
    ["a.txt.gz", gzipSync("x"), ["x"]],
    ["a.NDJSON", '\uFEFF{"text":"x"}\r\n\r\n{"text":"y"}', ["x", "y"]],
  ])("%s", async (name, content, expected) => {
    expect(await w.inbox.take(await w.drop(`acme/docs/${name}`, content))).toMatchObject({ status: "processed" });
    expect(w.sink.texts()).toEqual(expected);
  });

  test("with bad lines is processed; a report beside it names each", async () => {
    const bad = `not json\n{"id":"b","text":"bad"}\n{"text":"${"x".repeat(2000)}"}\n`;
    const key = await w.drop("acme/docs/a.ndjson", lines(6) + bad + lines(6, 7));
    expect(await w.inbox.take(key)).toMatchObject({ status: "processed", accepted: 12, refused: 3 });
    expect(w.sink.texts()).toEqual(textsOf(12));
    expect(await w.json("processed/acme/docs/a.ndjson.error.json")).toMatchObject({
      file: key,
      accepted: 12,
      refused: 3,
      errors_omitted: 0,
      // In the order of the file, whoever refused them.
      errors: [
        { place: "line 7", code: "malformed_json" },
        { place: "line 8", id: "b", code: "empty_text", detail: "bad" },
        { place: "line 9", code: "line_too_large" },
      ],
    });
  });

  test("names as many refusals as it may and counts the rest", async () => {
    const key = await w.drop("acme/docs/a.ndjson", "x\n".repeat(20) + lines(1));
    expect(await w.inbox.take(key)).toMatchObject({ refused: 20, accepted: 1 });
    const report = await w.json("processed/acme/docs/a.ndjson.error.json");
    expect(report).toMatchObject({ refused: 20, errors_omitted: 15, errors: { length: 5 } });
  });

  test.each<[string, string | Uint8Array, string]>([
    ["a.pdf", "x", "unknown_format"],
    ["a.json", '[{"text":"x"},{"text":"y"}', "malformed_json"],
    ["a.json", "", "malformed_json"],
    ["a.txt", "x".repeat(501), "text_too_large"],
    ["a.txt", Buffer.from([0xff, 0xff]), "invalid_utf8"],
    ["a.txt", "bad", "empty_text"],
  ])("%s that can't be read goes to failed/ with the reason: %j", async (name, content, code) => {
    const taken = await w.inbox.take(await w.drop(`acme/docs/${name}`, content));
    const target = `failed/acme/docs/${name}`;
    expect(taken).toMatchObject({ status: "failed", target });
    expect(await w.keys()).toEqual([target, `${target}.error.json`]);
    expect(JSON.stringify(await w.json(`${target}.error.json`))).toContain(code);
  });

  test("whose gzip is cut off gives what it has, and goes to failed/", async () => {
    const whole = gzipSync(lines(3000));
    const key = await w.drop("acme/docs/a.ndjson.gz", whole.subarray(0, whole.length - 9));
    const taken = await w.inbox.take(key);
    expect(taken).toMatchObject({ status: "failed", target: "failed/acme/docs/a.ndjson.gz" });
    expect(w.sink.texts().length).toBeGreaterThan(100);
    const report = await w.json("failed/acme/docs/a.ndjson.gz.error.json");
    expect(report).toMatchObject({ fault: { code: "unreadable_file" } });
  });

  test("that is empty is processed, and no collection is made for it", async () => {
    const taken = await w.inbox.take(await w.drop("acme/docs/a.ndjson", ""));
    expect(taken).toMatchObject({ status: "processed", accepted: 0 });
    expect(w.sink.documents.size).toBe(0);
  });

  test.each(["inbox/a.ndjson", "inbox/acme/a.ndjson", "inbox/Acme/docs/a.ndjson", "inbox/acme/Do cs/a.ndjson"])(
    "%s belongs to nobody, and goes to failed/",
    async (key) => {
      await w.store.put(key, Buffer.from(lines(1)));
      expect(await w.inbox.take(key)).toMatchObject({ status: "failed" });
      const target = key.replace("inbox/", "failed/");
      expect(await w.keys()).toEqual([target, `${target}.error.json`]);
    },
  );

  test.each(["inbox/acme/docs/.part.ndjson", "inbox/acme/docs/", "processed/acme/docs/a.ndjson"])(
    "%s is no file of the inbox",
    async (key) => {
      expect(await w.inbox.take(key)).toEqual({ status: "ignored", key });
    },
  );

  test("of a name that was there before keeps both", async () => {
    for (const [at, text] of ["one", "two"].entries()) {
      await w.inbox.take(await w.drop("acme/docs/a.ndjson.gz", gzipSync(JSON.stringify({ text }))));
      w.clock.advance(1000 * (at + 1));
    }
    expect(w.sink.texts()).toEqual(["one", "two"]);
    expect(await w.keys()).toEqual([
      "processed/acme/docs/a.20240301T100001Z.ndjson.gz",
      "processed/acme/docs/a.ndjson.gz",
    ]);
  });

  test("with the longest name that S3 takes finds its place", async () => {
    const name = `${"n".repeat(1024 - "inbox/acme/docs/.ndjson".length)}.ndjson`;
    expect(await w.inbox.take(await w.drop(`acme/docs/${name}`, lines(2)))).toMatchObject({ status: "processed" });
    const [key = ""] = await w.keys();
    expect(key).toMatch(/^processed\/acme\/docs\/[0-9a-f]{64}\.ndjson$/);
  });
});

describe("being told again", () => {
  test("of a file that has gone does nothing", async () => {
    const key = await w.drop("acme/docs/a.ndjson", lines(3));
    await w.inbox.take(key);
    expect(await w.inbox.take(key)).toEqual({ status: "gone", key });
    expect(await w.inbox.take("inbox/acme/docs/never.ndjson")).toMatchObject({ status: "gone" });
    expect(w.sink.puts).toBe(1);
  });

  test("of the same content dropped again stores nothing twice", async () => {
    for (let time = 0; time < 2; time++) {
      await w.inbox.take(await w.drop("acme/docs/a.ndjson", lines(9)));
      w.clock.advance(5000);
    }
    expect(w.sink.texts()).toEqual(textsOf(9));
  });

  test("while another reader is at it, is left to that one", async () => {
    const key = await w.drop("acme/docs/a.ndjson", lines(9));
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    w.sink.before = () => {
      begun.resolve();
      return gate.promise;
    };
    const first = w.inbox.take(key);
    await begun.promise;
    expect(await w.another().take(key)).toEqual({ status: "held", key });
    gate.resolve();
    expect(await first).toMatchObject({ status: "processed" });
    expect(w.sink.texts()).toEqual(textsOf(9));
  });

  test("a reader that slept past its time leaves the rest to the one who took over", async () => {
    const key = await w.drop("acme/docs/a.ndjson", lines(9));
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    w.sink.before = () => {
      begun.resolve();
      return gate.promise;
    };
    // Frozen: nothing of it runs, its renewals neither.
    const frozen = new (class extends PassingStore {
      override put(...args: Parameters<ObjectStore["put"]>): ReturnType<ObjectStore["put"]> {
        return w.clock.now() > start ? Promise.reject(new Error("frozen")) : super.put(...args);
      }
    })(w.store);
    const start = w.clock.now();
    const slow = w.another({}, frozen).take(key);
    slow.catch(() => undefined);
    await begun.promise;
    w.clock.advance(61_000);
    w.sink.before = () => {};
    expect(await w.another().take(key)).toMatchObject({ status: "processed", accepted: 9 });
    gate.resolve();
    await slow.catch(() => undefined);
    expect(w.sink.texts()).toEqual(textsOf(9));
    expect(await w.keys()).toEqual(["processed/acme/docs/a.ndjson"]);
  });
});

describe("a file that is replaced while it is read", () => {
  const replacing = (at: number, name: string, content: string) => {
    let calls = 0;
    w.sink.before = async () => {
      if (++calls !== at) return;
      w.clock.advance(1000);
      await w.drop(name, content);
    };
  };

  test("is read anew, from its own beginning", async () => {
    const key = await w.drop("acme/docs/a.ndjson", lines(20));
    replacing(2, "acme/docs/a.ndjson", lines(5, 100));
    expect(await w.inbox.take(key)).toMatchObject({ status: "processed", accepted: 5 });
    const texts = w.sink.texts();
    for (const text of textsOf(5, 100)) expect(texts.filter((one) => one === text)).toHaveLength(1);
    expect(new Set(texts).size).toBe(texts.length);
    expect(await w.keys()).toEqual(["processed/acme/docs/a.ndjson"]);
  });

  test("after it was read is not lost: the deletion takes only what was read", async () => {
    const key = await w.drop("acme/docs/a.ndjson", lines(3));
    replacing(2, "acme/docs/a.ndjson", lines(5, 100)); // between the last write and the fold
    await w.inbox.take(key);
    expect(await w.keys("inbox/")).toEqual([key]);
    await w.inbox.take(key);
    expect(w.sink.texts()).toEqual([...textsOf(3), ...textsOf(5, 100)].sort());
    expect(await w.keys("inbox/")).toEqual([]);
  });
});

describe("time that runs out", () => {
  test.each([
    ["a.ndjson", lines(40)],
    ["a.ndjson.gz", gzipSync(lines(40))],
    ["a.json", JSON.stringify(textsOf(40).map((text) => ({ text })))],
    ["a.csv", `text\n${textsOf(40).join("\n")}\n`],
  ])("%s goes on where it stopped, and is read once", async (name, content) => {
    const key = await w.drop(`acme/docs/${name}`, content);
    let runs = 0;
    for (; ; runs++) {
      let batches = 2;
      const taken = await w.another().take(key, () => (--batches > 0 ? 5000 : 0));
      if (taken.status === "processed") break;
      expect(taken).toMatchObject({ status: "paused" });
    }
    expect(runs).toBeGreaterThan(2);
    expect(w.sink.texts()).toEqual(textsOf(40));
    expect(w.sink.puts).toBe(10);
    const page = await listInbox(w.store, acme, { limit: 10 }, w.clock.now());
    expect(page.files).toMatchObject([{ status: "processed", accepted: 40 }]);
  });
});

/** Lets `left` calls through, and none after that: the process is dead. */
class Dying extends PassingStore {
  left: number;
  constructor(inner: ObjectStore, left: number) {
    super(inner);
    this.left = left;
  }
  #step<T>(task: () => Promise<T>): Promise<T> {
    return this.left-- > 0 ? task() : Promise.reject(new Error("killed"));
  }
  override get(...args: Parameters<ObjectStore["get"]>): ReturnType<ObjectStore["get"]> {
    return this.#step(() => super.get(...args));
  }
  override head(...args: Parameters<ObjectStore["head"]>): ReturnType<ObjectStore["head"]> {
    return this.#step(() => super.head(...args));
  }
  override put(...args: Parameters<ObjectStore["put"]>): ReturnType<ObjectStore["put"]> {
    return this.#step(() => super.put(...args));
  }
  override delete(...args: Parameters<ObjectStore["delete"]>): ReturnType<ObjectStore["delete"]> {
    return this.#step(() => super.delete(...args));
  }
  override copy(...args: Parameters<ObjectStore["copy"]>): ReturnType<ObjectStore["copy"]> {
    return this.#step(() => super.copy(...args));
  }
}

test("killed between any two steps, and begun again, it stores each document once and moves the file", async () => {
  const content = `${lines(9)}broken\n${lines(4, 10)}`;
  let steps = 0;
  for (let isDone = false; !isDone; steps++) {
    w = world();
    const key = await w.drop("acme/docs/a.ndjson", content);
    const died = await w
      .another({ inboxReserveMs: 0 }, new Dying(w.store, steps))
      .take(key)
      .catch(() => "killed");
    isDone = died !== "killed";
    w.clock.advance(61_000);
    const taken = await w.another().take(key);
    expect(["processed", "gone"]).toContain(taken.status);
    expect(w.sink.texts()).toEqual(textsOf(13));
    expect(await w.keys()).toEqual(["processed/acme/docs/a.ndjson", "processed/acme/docs/a.ndjson.error.json"]);
    const { files } = await listInbox(w.store, acme, { limit: 10 }, w.clock.now());
    expect(files).toMatchObject([{ status: "processed", accepted: 13, refused: 1 }]);
  }
  expect(steps).toBeGreaterThan(10);
});

describe("what is wrong with something else than the file", () => {
  test("is thrown; the file stays, and is tried again later and later", async () => {
    const key = await w.drop("acme/docs/a.ndjson", lines(3));
    w.sink.before = () => Promise.reject(new Error("the model is broken"));
    for (let time = 0; time < 3; time++) await expect(w.inbox.take(key)).rejects.toThrow("the model is broken");
    expect(await w.keys()).toEqual([key]);
    const page = await listInbox(w.store, acme, { limit: 10 }, w.clock.now());
    expect(page.files).toMatchObject([{ status: "retrying", fault: { code: "internal" } }]);
    w.sink.before = () => {};
    expect(await w.inbox.sweep({ settledMs: 0 })).toEqual({ taken: [], failed: [] });
    w.clock.advance(86_400_000);
    expect((await w.inbox.sweep({ settledMs: 0 })).taken).toMatchObject([{ status: "processed" }]);
  });
});

describe("a sweep", () => {
  test("takes the files of all tenants in turn", async () => {
    for (let at = 0; at < 4; at++) await w.drop(`acme/docs/${at}.ndjson`, lines(1));
    await w.drop("globex/docs/0.ndjson", lines(1));
    await w.drop("stray.ndjson", lines(1));
    const { taken } = await w.inbox.sweep({ settledMs: 0 });
    expect(
      taken
        .map(({ key }) => key)
        .slice(0, 3)
        .sort(),
    ).toEqual(["inbox/acme/docs/0.ndjson", "inbox/globex/docs/0.ndjson", "inbox/stray.ndjson"]);
    expect(taken).toHaveLength(6);
    expect(await w.keys("inbox/")).toEqual([]);
  });

  test("leaves files alone that are still warm, and other tenants' where one is named", async () => {
    await w.drop("acme/docs/a.ndjson", lines(1));
    await w.drop("globex/docs/a.ndjson", lines(1));
    w.clock.advance(1000);
    expect((await w.inbox.sweep({ settledMs: 2000 })).taken).toEqual([]);
    w.clock.advance(1000);
    expect((await w.inbox.sweep({ settledMs: 2000, tenant: acme })).taken).toHaveLength(1);
    expect(await w.keys("inbox/")).toEqual(["inbox/globex/docs/a.ndjson"]);
  });

  test("goes on past a file that fails", async () => {
    await w.drop("acme/docs/a.ndjson", '{"text":"x"}');
    await w.drop("acme/docs/b.ndjson", '{"text":"y"}');
    let calls = 0;
    w.sink.before = () => (++calls === 1 ? Promise.reject(new Error("once")) : undefined);
    const { taken, failed } = await w.inbox.sweep({ settledMs: 0 });
    expect(failed).toMatchObject([{ key: "inbox/acme/docs/a.ndjson" }]);
    expect(taken).toMatchObject([{ key: "inbox/acme/docs/b.ndjson", status: "processed" }]);
  });
});

test("the list of files is a tenant's own, by name, page by page", async () => {
  for (const name of ["acme/docs/b.ndjson", "acme/docs/a.ndjson", "acme/other/x.txt", "globex/docs/a.ndjson"])
    await w.drop(name, lines(1));
  await w.inbox.take("inbox/acme/docs/a.ndjson");
  await w.drop("acme/docs/.hidden", "x");
  const page = await listInbox(w.store, acme, { limit: 3 }, w.clock.now());
  expect(page.files.map(({ file, status }) => [file, status])).toEqual([
    ["docs/a.ndjson", "processed"],
    ["docs/b.ndjson", "waiting"],
  ]);
  const rest = await listInbox(w.store, acme, { limit: 3, after: page.next ?? "" }, w.clock.now());
  expect(rest.files.map(({ file }) => file)).toEqual(["other/x.txt"]);
  expect(rest.next).toBeNull();
  const found = await listInbox(w.store, acme, { limit: 3, prefix: "other/" }, w.clock.now());
  expect(found.files).toHaveLength(1);
});

describe("files that lie there for long", () => {
  const quarter = 15 * 60_000;

  test("are handed on, but a bounded number at a time, and each of them sooner or later", async () => {
    const dropped = await Promise.all(Array.from({ length: 40 }, (_, at) => w.drop(`t${at % 3}/docs/${at}.txt`, "x")));
    w.clock.advance(quarter);
    await w.drop("t0/docs/young.txt", "x");
    const inbox = w.another({ inboxHandOnMax: 10 });
    const counts = new Map(dropped.map((key) => [key, 0]));
    const looks = 200;
    for (let look = 0; look < looks; look++) {
      const keys = await Array.fromAsync(inbox.waiting(quarter));
      expect([keys.length, new Set(keys).size]).toEqual([10, 10]);
      for (const key of keys) counts.set(key, (counts.get(key) ?? Number.NaN) + 1);
    }
    // A quarter of the looks each: half as many, or twice, is five standard deviations away.
    for (const count of counts.values()) expect(Math.abs(count - looks / 4)).toBeLessThan(looks / 6);
  });

  test("are all handed on when they are few, but those that somebody reads or that failed lately", async () => {
    const [first = "", second = ""] = [await w.drop("a/docs/1.txt", "x"), await w.drop("a/docs/2.txt", "x")];
    w.sink.before = () => {
      throw new Error("no storage");
    };
    w.clock.advance(quarter);
    await expect(w.inbox.take(first)).rejects.toThrow();
    expect(await Array.fromAsync(w.inbox.waiting(quarter))).toEqual([second]);
    w.clock.advance(quarter);
    expect(await Array.fromAsync(w.inbox.waiting(quarter))).toEqual([first, second]);
  });
});

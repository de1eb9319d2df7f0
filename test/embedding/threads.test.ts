import { afterAll, describe, expect, test } from "vitest";
import { ThreadedEmbedder } from "../../src/embedding/threads/threaded-embedder.ts";
import { keepingSpawn, localSpec, open } from "./support.ts";

const texts = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `text ${i} ${"of some length ".repeat(8)}`);
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("embedding threads", () => {
  const embedder = open();
  afterAll(() => embedder.close());

  test("the event loop keeps turning during a batch of 200", async () => {
    await embedder.warm();
    let done = false;
    let turns = 0;
    const batch = embedder.embed(texts(200)).finally(() => {
      done = true;
    });
    while (!done) {
      await nextTurn();
      turns += 1;
    }
    await batch;
    // A batch run on this thread would leave one turn between two texts at best.
    expect(turns).toBeGreaterThan(2000);
  });

  test("one text does not wait for the large batch before it", async () => {
    const finished: string[] = [];
    const large = embedder.embed(texts(300)).then(() => finished.push("large"));
    await nextTurn();
    const small = embedder.embed(["who waits?"]).then(() => finished.push("small"));
    await Promise.all([large, small]);
    expect(finished).toEqual(["small", "large"]);
  });

  test("two large batches take turns", async () => {
    const finished: string[] = [];
    const first = embedder.embed(texts(300)).then(() => finished.push("300"));
    const second = embedder.embed(texts(60)).then(() => finished.push("60"));
    await Promise.all([first, second]);
    expect(finished).toEqual(["60", "300"]);
  });

  test("aborting rejects with the reason, and what was not begun is left undone", async () => {
    const abort = new AbortController();
    const large = embedder.embed(texts(2000), abort.signal);
    abort.abort(new Error("client went away"));
    await expect(large).rejects.toThrow("client went away");
    await expect(embedder.embed(["next"], abort.signal)).rejects.toThrow("client went away");
    expect(await embedder.embed(["next"])).toHaveLength(1);
  });

  test("nothing is started before the first text", async () => {
    const { workers, spawn } = keepingSpawn();
    const lazy = new ThreadedEmbedder("lazy", localSpec, { threads: 2, spawn });
    expect(await lazy.embed([])).toEqual([]);
    expect(workers).toHaveLength(0);
    await lazy.embed(["one"]);
    expect(workers).toHaveLength(1);
    expect(lazy.dimensions).toBe(384);
    await lazy.close();
  });
});

describe("a thread that dies", () => {
  test("is replaced, and its texts are embedded by another", async () => {
    const { workers, spawn } = keepingSpawn();
    const embedder = new ThreadedEmbedder("test", localSpec, { threads: 1, spawn });
    const [before] = await embedder.embed(["still here"]);
    const batch = embedder.embed([...texts(30), "still here"]);
    await workers[0]!.terminate();
    expect((await batch)[30]).toEqual(before);
    expect(workers).toHaveLength(2);
    await embedder.close();
  });

  test("twice over the same texts is `unavailable`, and the next call works", async () => {
    const { workers, spawn } = keepingSpawn();
    let kills = 2;
    const embedder = new ThreadedEmbedder("test", localSpec, {
      threads: 1,
      spawn: (spec) => {
        const worker = spawn(spec);
        if (kills-- > 0) void worker.terminate();
        return worker;
      },
    });
    await expect(embedder.embed(["deadly"])).rejects.toMatchObject({ kind: "unavailable", code: "embedding_failed" });
    expect(await embedder.embed(["harmless"])).toHaveLength(1);
    expect(workers).toHaveLength(3);
    await embedder.close();
  });

  test("closing ends the threads and refuses what comes after", async () => {
    const { workers, spawn } = keepingSpawn();
    const embedder = new ThreadedEmbedder("test", localSpec, { threads: 2, spawn });
    await embedder.warm();
    const waiting = embedder.embed(texts(100));
    const refused = expect(waiting).rejects.toMatchObject({ kind: "unavailable", code: "closed" });
    await embedder.close();
    await refused;
    expect(workers.map(({ threadId }) => threadId)).toEqual([-1, -1]);
    await expect(embedder.embed(["late"])).rejects.toMatchObject({ code: "closed" });
    await expect(embedder.warm()).rejects.toMatchObject({ code: "closed" });
  });
});

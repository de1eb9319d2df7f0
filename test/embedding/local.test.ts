import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { cosine, open } from "./support.ts";

const embedder = open();
afterAll(() => embedder.close());

const one = async (text: string): Promise<Float32Array> => (await embedder.embed([text]))[0]!;
const sentences = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `sentence ${i} about ${"rain ".repeat(i % 40)}`);

describe("local embedder", () => {
  test("names its model and knows its dimensions before it loads anything", () => {
    expect(embedder.model).toBe("local/all-MiniLM-L6-v2");
    expect(embedder.dimensions).toBe(384);
  });

  test("a text's vector is the same bits alone, in any batch, and on any thread", async () => {
    const text = "files are all you need";
    const alone = await one(text);
    const batch = await embedder.embed([...sentences(20), text, ...sentences(13), text, ""]);
    const onItsOwn = open({ embeddingThreads: 1 });
    const [elsewhere] = await onItsOwn.embed([text]);
    await onItsOwn.close();
    expect(batch[20]).toEqual(alone);
    expect(batch[34]).toEqual(alone);
    expect(elsewhere).toEqual(alone);
  });

  test("vectors come in the order of the texts, however they were spread over threads", async () => {
    const texts = sentences(60);
    const together = await embedder.embed(texts);
    const reversed = await embedder.embed(texts.toReversed());
    expect(reversed.toReversed()).toEqual(together);
    expect(new Set(together.map((vector) => vector.join())).size).toBe(60);
  });

  test.for([
    ["nothing", ""],
    ["a space", " "],
    ["NUL", "\0"],
    ["NUL inside", "a\0b"],
    ["emoji", "🦑🎉👩‍👩‍👧"],
    ["half an emoji", "\ud83e end"],
    ["Japanese", "ベクトル検索"],
    ["one word of a megabyte", "x".repeat(1 << 20)],
    ["a megabyte of words", "word ".repeat(200_000)],
  ] as const)("%s has a vector of unit length", async ([, text]) => {
    const vector = await one(text);
    expect(vector).toHaveLength(384);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
  });

  test("text beyond 256 tokens is not read, text before is", async () => {
    const words = (count: number, last: string): string => `${"rain ".repeat(count)}${last}`;
    // 254 words and the two marks around them fill the model's window.
    expect(await one(words(254, "sun"))).toEqual(await one(words(254, "moon")));
    expect(await one(words(253, "sun"))).not.toEqual(await one(words(253, "moon")));
    // A text that is cut ends in the model's closing mark like one that just fits.
    expect(await one(words(900, "sun"))).toEqual(await one("rain ".repeat(254)));
  });

  test("related texts are nearer than unrelated ones", async () => {
    const [cat, kitten, database, query] = await embedder.embed([
      "a cat sleeps on the sofa",
      "the kitten is napping on the couch",
      "relational database with transactions",
      "SQL server that commits atomically",
    ]);
    expect(cosine(cat!, kitten!)).toBeGreaterThan(cosine(cat!, database!) + 0.3);
    expect(cosine(database!, query!)).toBeGreaterThan(cosine(cat!, query!) + 0.2);
  });

  test.for([
    ["a tool that finds duplicate files", [-0.1042, -0.0361, -0.0431, -0.0152, 0.015, -0.0496, 0.0725, -0.0537]],
    ["ORA-00942", [-0.1587, 0.023, -0.0442, -0.0483, -0.0677, 0.05, 0.0728, 0.051]],
  ] as const)("%s has the same vector on every processor, to within rounding", async ([text, first]) => {
    const vector = await one(text);
    // Where sums of int8 products are cut off, one of these is wrong by 0.016 or more.
    for (const [at, value] of first.entries()) expect(Math.abs((vector[at] as number) - value)).toBeLessThan(0.008);
  });

  test("no text, no vector", async () => {
    expect(await embedder.embed([])).toEqual([]);
  });
});

const shared = join(import.meta.dirname, "..", "..", "..", "shared", "data");
const reference = existsSync(join(shared, "debian.vectors.f16"));

describe.skipIf(!reference)(
  `stored reference vectors${reference ? "" : " (skipped: ../shared/data is not on this machine)"}`,
  () => {
    test("short texts embed to within the batch noise of the vectors that were stored for them", async () => {
      const lines = gunzipSync(readFileSync(join(shared, "debian.ndjson.gz")))
        .toString("utf8")
        .split("\n");
      const stored = new Float16Array(readFileSync(join(shared, "debian.vectors.f16")).buffer);
      // The stored ones saw 64 tokens only: 150 characters of these texts are never more.
      const rows = lines.flatMap((line, row) => {
        const text = line === "" ? "" : (JSON.parse(line) as { text: string }).text;
        return text !== "" && text.length < 150 ? [{ row, text }] : [];
      });
      const some = rows.filter((_, i) => i % Math.ceil(rows.length / 40) === 0);
      const vectors = await embedder.embed(some.map(({ text }) => text));
      const cosines = some.map(({ row }, i) => cosine(vectors[i]!, stored.subarray(row * 384, row * 384 + 384)));
      expect(some.length).toBeGreaterThan(20);
      // Not the same bits: those were made in padded batches, to which dynamic int8 is sensitive.
      expect(Math.min(...cosines)).toBeGreaterThan(0.98);
      expect(cosines.toSorted()[cosines.length >> 1]).toBeGreaterThan(0.99);
    });
  },
);

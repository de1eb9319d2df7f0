import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatOf, type Read, splitJson, unzipped } from "../../src/formats/index.ts";

/** Bytes in pieces of `size`, as they come from a disk or a bucket. */
async function* pieces(content: string | Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(content);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const limits = { maxLineBytes: 200, maxTextBytes: 100 };
const read = (name: string, content: string | Uint8Array, size?: number): Promise<Read[]> =>
  Array.fromAsync(formatOf(name).read(unzipped(pieces(content, size)), { name, ...limits }));
const documents = async (name: string, content: string | Uint8Array, size?: number): Promise<unknown[]> =>
  (await read(name, content, size)).map(({ document, fault }) => document ?? fault?.code);

describe("every format", () => {
  const same = [{ text: "a" }, { text: "b" }];
  test.each([
    ["x.ndjson", '{"text":"a"}\n{"text":"b"}\n'],
    ["x.jsonl", '{"text":"a"}\n{"text":"b"}'],
    ["x.ndjson", '\uFEFF{"text":"a"}\r\n\r\n{"text":"b"}\r\n'],
    ["x.json", '[{"text":"a"},{"text":"b"}]'],
    ["x.json", '\uFEFF [\n {"text":"a"} ,\n {"text":"b"}\n]\n'],
    ["x.csv", "text\na\nb\n"],
    ["x.csv", "\uFEFFtext\r\na\r\n\r\nb"],
  ])("%s: %j", async (name, content) => {
    for (const size of [1, 3, 1000]) {
      expect(await documents(name, content, size)).toEqual(same);
      expect(await documents(`${name}.gz`, gzipSync(content), size)).toEqual(same);
    }
  });

  test("Markdown and text are a document each, named after their file", async () => {
    expect(await documents("a/x.md", "# Title\n\nText.")).toEqual([
      { id: "a/x.md", text: "# Title\n\nText.", metadata: { source: "a/x.md", title: "Title" } },
    ]);
    expect(await documents("x.txt", "Text.")).toEqual([{ id: "x.txt", text: "Text.", metadata: { source: "x.txt" } }]);
    expect(await documents("x.txt", "t".repeat(101))).toEqual(["text_too_large"]);
  });

  test("an empty file holds nothing, or is no JSON", async () => {
    for (const name of ["x.ndjson", "x.csv", "x.csv.gz", "x.ndjson.gz"]) expect(await read(name, "")).toEqual([]);
    expect(await read("x.ndjson", "\n\n")).toEqual([]);
    expect(await read("x.json", "[]")).toEqual([]);
    expect(await documents("x.json", "")).toEqual(["malformed_json"]);
    expect(await read("x.csv", "text\n")).toEqual([]);
  });

  test.each(["x.pdf", "x", "x.gz", ".ndjson/x", ""])("%j has no ending that says something", (name) => {
    expect(() => formatOf(name)).toThrow(expect.objectContaining({ code: "unknown_format" }));
  });

  test("gzip that is cut off gives what came before, then the fault that ends it", async () => {
    const line = (at: number): string => `${JSON.stringify({ text: `${at} ${"é".repeat(at % 9)}` })}\n`;
    const whole = gzipSync(Array.from({ length: 5000 }, (_, at) => line(at)).join(""));
    const found = await read("x.ndjson.gz", whole.subarray(0, whole.length - 20), 1000);
    expect(found.length).toBeGreaterThan(2);
    expect(found.at(-1)).toMatchObject({ fault: { code: "unreadable_file" }, cut: true });
    expect(found.slice(0, -2).every(({ document }) => document !== undefined)).toBe(true);
  });
});

describe("NDJSON", () => {
  test("names each bad line, and reads on", async () => {
    const content = Buffer.concat([
      Buffer.from('{"text":"a"}\nnot json\n'),
      Buffer.from([0xff, 0xfe, 0x0a]),
      Buffer.from(`{"text":"${"x".repeat(300)}"}\n{"text":"b"}\n{"te`),
    ]);
    const found = await read("x.ndjson", content);
    expect(found.map(({ at, document, fault }) => [at, document ?? fault?.code])).toEqual([
      [1, { text: "a" }],
      [2, "malformed_json"],
      [3, "invalid_utf8"],
      [4, "line_too_large"],
      [5, { text: "b" }],
      [6, "malformed_json"],
    ]);
    expect(found[1]).toMatchObject({ place: "line 2", fault: { detail: expect.stringContaining("Column 1") } });
  });

  test("says where each line ends, so that reading may go on from there", async () => {
    const content = 'é{"text":"a"}\r\n\n{"text":"b"}\n{"text":"c"}';
    const all = await read("x.ndjson", content);
    for (const [at, { end }] of all.entries()) {
      const rest = Buffer.from(content).subarray(end);
      expect(await documents("x.ndjson", rest)).toEqual(all.slice(at + 1).map(({ document }) => document));
    }
    const on = formatOf("x.ndjson").read(pieces(""), { name: "", ...limits, linesBefore: 7 });
    expect(await Array.fromAsync(on)).toEqual([]);
  });
});

describe("JSON", () => {
  test.each<[string, unknown[]]>([
    ['{"text":"a"}', [{ text: "a" }]],
    ['[{"text":"a"},{"text":"b"}', [{ text: "a" }, "malformed_json"]],
    ['[{"text":"a"},]', [{ text: "a" }, "malformed_json"]],
    ['[{"text":"a"},,{"text":"b"}]', [{ text: "a" }, "malformed_json", { text: "b" }]],
    ['[{"text":"a"}] []', [{ text: "a" }, "malformed_json"]],
    ['[{"text":"a" "b"},{"text":"b"}]', ["malformed_json", { text: "b" }]],
    ['[{"text":"],{\\"[,"}]', [{ text: '],{"[,' }]],
    [`[{"text":"${"x".repeat(300)}"},{"text":"b"}]`, ["line_too_large", { text: "b" }]],
    ["[[1,[2]],3]", [[1, [2]], 3]],
    ["7", [7]],
  ])("%s", async (content, expected) => {
    for (const size of [1, 5, 1000]) expect(await documents("x.json", content, size)).toEqual(expected);
  });

  test("an array is cut where JSON.parse would cut it, whatever it holds and however it comes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue(), { maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        async (list, size) => {
          for (const text of [JSON.stringify(list), JSON.stringify(list, null, 2)]) {
            const items = await Array.fromAsync(splitJson(pieces(text, size), 1 << 20));
            expect(items.map((item) => JSON.parse(item.text ?? ""))).toEqual(JSON.parse(text));
          }
        },
      ),
    );
  });
});

describe("CSV", () => {
  test("columns are fields, or metadata; an embedding is JSON", async () => {
    const content = 'id,text,created_at,embedding,kind,empty\n1,"a, ""b""\nc",2024-03-01,"[1,2]",fruit,\n';
    expect(await documents("x.csv", content)).toEqual([
      { id: "1", text: 'a, "b"\nc', created_at: "2024-03-01", embedding: [1, 2], metadata: { kind: "fruit" } },
    ]);
    expect(await documents("x.csv", "text,embedding\na,[1,2]\n")).toEqual(["malformed_csv"]);
    expect(await documents("x.csv", 'text,embedding\na,"[1"\n')).toEqual(["invalid_vector"]);
  });

  test("a bad row is named by its line, in its order, and the table goes on", async () => {
    const rows = Array.from({ length: 200 }, (_, at) => (at % 10 === 5 ? "too,many" : `row${at}`));
    const found = await read("x.csv", `text\n${rows.join("\n")}\n`);
    expect(found.map(({ at }) => at)).toEqual(rows.map((_, at) => at + 2));
    expect(found[5]).toMatchObject({ place: "line 7", fault: { code: "malformed_csv" } });
    expect(found[6]).toMatchObject({ place: "line 8", document: { text: "row6" } });
  });

  test("a quote that is never closed ends it", async () => {
    const found = await documents("x.csv", `text\na\n"b\n${"c\n".repeat(300)}`);
    expect(found[0]).toEqual({ text: "a" });
    expect(found.slice(1).every((one) => one === "malformed_csv")).toBe(true);
    expect(found.length).toBeGreaterThan(1);
  });
});

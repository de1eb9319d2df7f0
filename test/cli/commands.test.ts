import { once } from "node:events";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ended, Shell } from "./support/mosaic.ts";

const lines = (...documents: readonly unknown[]): string => documents.map((one) => `${JSON.stringify(one)}\n`).join("");
const document = (id: string): unknown => ({ id, text: `text of ${id}`, embedding: [1, 2, id.length] });

/** A collection of three documents with vectors of their own. */
async function filled(): Promise<Shell> {
  const shell = new Shell();
  writeFileSync(join(shell.folder, "three.ndjson"), lines(document("a"), document("bb"), document("ccc")));
  expect((await shell.run("ingest", "three.ndjson")).code).toBe(0);
  return shell;
}

describe("usage", () => {
  test.each([
    [["serch"], 'there is no command "serch"; did you mean search?'],
    [["nothing-like-it"], "mosaic help lists the commands"],
    [["help", "nowhere"], 'there is no command "nowhere"'],
    [["get"], "ID is missing"],
    [["get", "a", "b"], "too many operands: b"],
    [["ingest"], "FILE… is missing"],
    [["search", "a", "--limit", "0"], "--limit takes a whole number from 1 to 1000"],
    [["search", "a", "--limit", "1e2"], "--limit takes a whole number from 1 to 1000"],
    [["search", "a", "--recall", "best"], "--recall takes fast, balanced, exact"],
    [["search", "a", "--limit"], "--limit"],
    [["stats", "--colection", "x"], "--colection"],
    [["serve", "--port", "65536"], "--port takes a whole number from 0 to 65535"],
  ])("%j is wrong, and says why", async (args, message) => {
    const shell = new Shell();
    const { code, out, error } = await shell.run(...args);
    expect([code, out]).toEqual([2, ""]);
    expect(error).toContain(message);
  });

  test("help is data, and no failure", async () => {
    const shell = new Shell();
    for (const args of [[], ["help"], ["--help"], ["get", "--help"], ["help", "get"]]) {
      const { code, out, error } = await shell.run(...args);
      expect([code, error]).toEqual([0, ""]);
      expect(out).toMatch(/^usage: mosaic /);
    }
  });

  test("a setting that is wrong, and a name that is none, are named", async () => {
    const wrong = await new Shell({ STORAGE_PATH: "s3://" }).run("stats");
    expect(wrong).toMatchObject({ code: 1, out: "", error: expect.stringContaining("STORAGE_PATH") });
    const name = await new Shell().run("stats", "--collection", "No Such Name");
    expect(name).toMatchObject({ code: 1, out: "", error: expect.stringContaining("collection") });
  });
});

describe("commands", () => {
  test("store, find, print and delete, as JSON too", async () => {
    const shell = await filled();
    const json = async (...args: readonly string[]): Promise<unknown> => {
      const { code, out, error } = await shell.run(...args, "--json");
      expect([code, error]).toEqual([0, ""]);
      expect(out.trim().split("\n")).toHaveLength(1);
      return JSON.parse(out);
    };
    expect(await json("get", "bb", "--embedding")).toMatchObject({
      id: "bb",
      text: "text of bb",
      embedding: [1, 2, 2],
    });
    expect(await json("collections")).toMatchObject([{ name: "documents", documents: 3, dimensions: 3 }]);
    expect(await json("delete", "bb")).toEqual({ id: "bb", deleted: true });
    expect(await json("stats")).toMatchObject({ documents: 2, shards: [{ documents: 3 }] });
    expect(await json("verify")).toMatchObject({ ok: true, documents: 2, problems: [] });
    expect(await json("collections", "--tenant", "other")).toEqual([]);
    for (const args of [
      ["get", "bb"],
      ["delete", "bb"],
      ["stats", "--collection", "nowhere"],
    ]) {
      const { code, out, error } = await shell.run(...args);
      expect([code, out]).toEqual([1, ""]);
      expect(error).toMatch(/^mosaic: There is no /);
    }
  });

  test("a search without a model says what to do", async () => {
    const { code, out, error } = await (await filled()).run("search", "text");
    expect([code, out]).toEqual([1, ""]);
    expect(error).toMatch(/vector|EMBEDDING_MODEL/);
  });

  test("verify names what is damaged", async () => {
    const shell = await filled();
    const { out } = await shell.run("stats", "--json");
    const [{ id }] = (JSON.parse(out) as { shards: [{ id: string }] }).shards;
    const path = join(shell.folder, "data", "tenants", "default", "documents", "shards", `${id}.db`);
    const bytes = readFileSync(path);
    bytes[5000] = (bytes[5000] ?? 0) ^ 1;
    rmSync(path);
    writeFileSync(path, bytes);
    const found = await shell.run("verify");
    expect(found.code).toBe(1);
    expect(found.out).toContain(`${id}.db`);
    expect(found.error).toMatch(/^1 problem: /);
    const asJson = await shell.run("verify", "--json");
    expect(asJson.code).toBe(1);
    expect(JSON.parse(asJson.out)).toMatchObject({ ok: false, problems: [{ object: expect.stringContaining(id) }] });
  });
});

describe("ingest", () => {
  test("reads every format, gzipped too, and standard input", async () => {
    const shell = new Shell();
    const put = (name: string, content: string | Uint8Array): void => writeFileSync(join(shell.folder, name), content);
    put("a.jsonl.gz", gzipSync(lines(document("a"))));
    put("b.json", JSON.stringify([document("b1"), document("b2")]));
    put("c.csv", 'id,text,embedding,kind\nc,"with, comma","[1,2,3]",fruit\n');
    const { code, out, error } = await shell.feed(
      lines(document("d")),
      "ingest",
      "a.jsonl.gz",
      "b.json",
      "c.csv",
      "-",
      "--json",
    );
    expect([code, JSON.parse(out)]).toEqual([0, { accepted: 5, refused: 0, took_ms: expect.any(Number) }]);
    expect(error).not.toContain("\r");
    const row = await shell.run("get", "c", "--json");
    expect(JSON.parse(row.out)).toMatchObject({ id: "c", text: "with, comma", metadata: { kind: "fruit" } });
  });

  test("names what it refuses and stores the rest", async () => {
    const shell = new Shell();
    const bad = [document("good"), { id: 7 }, { id: "x", text: "y", embedding: "no" }];
    writeFileSync(join(shell.folder, "mixed.ndjson"), `${lines(...bad)}{"id": "broken\n`);
    const { code, out, error } = await shell.run("ingest", "mixed.ndjson", "missing.ndjson", "--json");
    expect([code, JSON.parse(out)]).toEqual([1, { accepted: 1, refused: 4, took_ms: expect.any(Number) }]);
    for (const place of [
      "mixed.ndjson: line 2: ",
      "mixed.ndjson: line 3: ",
      "mixed.ndjson: line 4: ",
      "missing.ndjson: ",
    ])
      expect(error).toContain(place);
    expect((await shell.run("get", "good")).code).toBe(0);
  });

  test("refuses a file that it can't read before it stores any", async () => {
    const shell = new Shell();
    writeFileSync(join(shell.folder, "a.ndjson"), lines(document("a")));
    const { code, error } = await shell.run("ingest", "a.ndjson", "picture.png");
    expect([code, error]).toEqual([1, expect.stringContaining("picture.png: the name should end in .ndjson")]);
    expect(statSync(join(shell.folder, "data"), { throwIfNoEntry: false })).toBeUndefined();
  });

  test("that was killed and is run again stores every document once", async () => {
    const shell = new Shell({ MAX_BATCH_DOCS: "50" });
    const ids = Array.from({ length: 5000 }, (_, at) => `d${at}`);
    writeFileSync(join(shell.folder, "many.ndjson"), lines(...ids.map(document)));
    const child = shell.spawn("ingest", "many.ndjson");
    const done = ended(child);
    const manifest = join(shell.folder, "data", "tenants", "default", "documents", "manifest.json");
    while (statSync(manifest, { throwIfNoEntry: false }) === undefined)
      await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill("SIGKILL");
    await done;
    expect(await shell.run("ingest", "many.ndjson")).toMatchObject({ code: 0 });
    expect(JSON.parse((await shell.run("verify", "--json")).out)).toMatchObject({ ok: true, documents: 5000 });
  });
});

describe("serve", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("stops on %s, having kept what it stored", async (signal) => {
    const shell = new Shell();
    const child = shell.spawn("serve", "--port", "0");
    const done = ended(child);
    let log = "";
    const url = await new Promise<string>((resolve) => {
      child.stderr?.on("data", (chunk: Buffer) => {
        log += chunk.toString();
        const [, found] = /"message":"listening","url":"([^"]+)"/.exec(log) ?? [];
        if (found !== undefined) resolve(found.replace("localhost", "127.0.0.1"));
      });
    });
    const answer = await fetch(`${url}/api/v1/documents`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(document("served")),
    });
    expect(answer.status).toBe(201);
    child.kill(signal);
    expect(await done).toMatchObject({ code: 0, out: "" });
    expect((await shell.run("get", "served")).code).toBe(0);
  });

  test("says that its port is taken", async () => {
    const shell = new Shell();
    const { createServer } = await import("node:net");
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const { code, error } = await shell.run("serve", "--port", String(port));
    other.close();
    expect([code, error]).toEqual([1, expect.stringContaining(String(port))]);
  });
});

test("a reader that has enough is no error", async () => {
  const shell = await filled();
  const child = shell.spawn("get", "a");
  child.stdout?.destroy();
  expect(await ended(child)).toMatchObject({ code: 0, error: "" });
});

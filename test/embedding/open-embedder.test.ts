import { execFile, spawnSync } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { modelFolder, open, settings } from "./support.ts";

describe("EMBEDDING_MODEL", () => {
  test.for(["", "Local", "openai:", "openai", "transformers:", "transformers: ", "bert", "none:x"])(
    "`%s` is refused with the forms there are",
    (embeddingModel) => {
      expect(() => open({ embeddingModel })).toThrow(
        expect.objectContaining({
          kind: "invalid",
          code: "invalid_embedding_model",
          detail: expect.stringMatching(/`local`.*`transformers:.*`openai:.*`none`/),
        }),
      );
    },
  );

  test.for(["./no/such/folder", "/no/such/folder", "a/b/c", "../x"])(
    "transformers:%s is no folder and no model id",
    (source) => {
      expect(() => open({ embeddingModel: `transformers:${source}` })).toThrow(
        expect.objectContaining({ kind: "invalid", code: "invalid_embedding_model" }),
      );
    },
  );

  test("openai needs an address", () => {
    for (const embeddingUrl of [undefined, "api.openai.com", "file:///etc/passwd"]) {
      expect(() => open({ embeddingModel: "openai:m", embeddingUrl })).toThrow(
        expect.objectContaining({ kind: "invalid", code: "invalid_setting" }),
      );
    }
  });

  test("none refuses texts and says what to send", async () => {
    const none = open({ embeddingModel: "none" });
    await none.warm();
    expect([none.model, none.dimensions]).toEqual([undefined, undefined]);
    await expect(none.embed(["x"])).rejects.toMatchObject({
      kind: "invalid",
      code: "embedding_required",
      detail: expect.stringMatching(/`embedding`.*`vector`/),
    });
  });
});

describe("transformers:<folder>", () => {
  test("runs another folder's model, and learns its dimensions from it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mosaic-model-"));
    await cp(modelFolder, folder, { recursive: true });
    const [ours, theirs] = [open(), open({ embeddingModel: `transformers:${folder}` })];
    expect(theirs.model).toBe(`transformers:${folder}`);
    expect(theirs.dimensions).toBeUndefined();
    expect(await theirs.embed(["the same model"])).toEqual(await ours.embed(["the same model"]));
    expect(theirs.dimensions).toBe(384);
    await Promise.all([ours.close(), theirs.close(), rm(folder, { recursive: true })]);
  });

  test("a folder without a model is `unavailable`, every time it is asked, and nothing is fetched instead", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mosaic-model-"));
    const embedder = open({ embeddingModel: `transformers:${folder}` });
    const failure = {
      kind: "unavailable",
      code: "embedding_model_unavailable",
      hint: expect.stringContaining("tokenizer"),
    };
    await expect(embedder.embed(["x"])).rejects.toMatchObject(failure);
    await expect(embedder.warm()).rejects.toMatchObject(failure);
    await expect(embedder.embed(Array<string>(50).fill("x"))).rejects.toMatchObject(failure);
    await embedder.close();
    await rm(folder, { recursive: true });
  });
});

/** What a process that only embeds locally has loaded in its main thread, told by the process itself. */
const probe = `
  import { createRequire } from "node:module";
  const { openEmbedder } = await import(${JSON.stringify(new URL("../../src/embedding/index.ts", import.meta.url).href)});
  const embedder = openEmbedder({ ...${JSON.stringify(settings)}, embeddingModel: process.argv[1] });
  const reply = await embedder.embed(["offline"]).then(([vector]) => ({ length: vector.length }), ({ code }) => ({ code }));
  const here = Object.keys(createRequire(import.meta.url).cache).filter((file) => /onnxruntime|transformers/.test(file));
  console.log(JSON.stringify({ ...reply, here }));
`;

async function runProbe(model: string, command: readonly string[] = []): Promise<unknown> {
  const [file = "", ...args] = [...command, process.execPath, "--input-type=module", "-e", probe, model];
  return JSON.parse((await promisify(execFile)(file, args)).stdout) as unknown;
}

/** A process of its own without any network, not even loopback. */
const offline = ["unshare", "-rn"] as const;
const canGoOffline = spawnSync(offline[0], [...offline.slice(1), "true"]).status === 0;

describe("local, seen from outside", () => {
  test("loads no model code in the main thread, and lets the process end without close", async () => {
    expect(await runProbe("local")).toEqual({ length: 384, here: [] });
  });

  test.skipIf(!canGoOffline)(
    `works without a network${canGoOffline ? "" : " (skipped: `unshare -rn` is not allowed here)"}`,
    async () => {
      expect(await runProbe("local", offline)).toMatchObject({ length: 384 });
      expect(await runProbe("transformers:nobody/nothing", offline)).toMatchObject({
        code: "embedding_model_unavailable",
      });
    },
  );
});

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../src/base/index.ts";
import { atEnd, shared, temporaryFolder } from "../engine/support/engine.ts";

const guide = readFileSync(join(packageRoot, "docs", "guides", "local-cloud.md"), "utf8");
const block = (start: RegExp): string => {
  const found = [...guide.matchAll(/^```\w+\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);
  return found.find((text) => start.test(text)) ?? "";
};
/** Addresses as the guide has them: the first three by number, the Invoke API's whatever it is. */
const ports = ["4050", "4051", "4052", "34567"];

describe("the guide of the local cloud", () => {
  let cloud: ChildProcess;
  let said = "";
  let found: readonly string[];
  beforeAll(() =>
    shared(async () => {
      const free = ["--port", "0", "--stream-port", "0", "--s3-port", "0"];
      cloud = spawn(process.execPath, [join(packageRoot, "infra", "local", "main.ts"), ...free], { stdio: "pipe" });
      atEnd(async () => {
        if (cloud.exitCode !== null || !cloud.kill("SIGINT")) return;
        await once(cloud, "exit");
      });
      const begun = Promise.withResolvers<void>();
      cloud.stdout?.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes("Ctrl-C")) begun.resolve();
      });
      cloud.once("exit", () => begun.reject(new Error(`the cloud ended: ${said}`)));
      await begun.promise;
      const [gateway = "", stream = "", s3 = "", invoke = ""] = [
        ...said.matchAll(/^(?:API|streaming|S3|Lambda Invoke) +http:\/\/127\.0\.0\.1:(\d+)/gm),
      ].map(([, port = ""]) => port);
      found = [gateway, stream, s3, invoke];
    }),
  );

  test("shows what `npm run cloud` says", () => {
    const shown = found.reduce((text, port, at) => text.replaceAll(`:${port}`, `:${ports[at]}`), said);
    expect(shown.trim()).toBe(block(/^building/).trim());
  });

  test("has calls that answer", () => {
    const calls = ports.reduce(
      (text, port, at) => text.replaceAll(`:${port}`, `:${found[at]}`),
      block(/^curl -X POST http:\/\/127\.0\.0\.1:4050\/api\/v1\/documents/),
    );
    const { stdout } = spawnSync("bash", ["-ec", calls.replaceAll(/^curl/gm, "echo; curl -sS")], { encoding: "utf8" });
    const [stored, searched, ...streamed] = stdout.trim().split("\n").filter(Boolean);
    expect(JSON.parse(stored ?? "")).toMatchObject({ id: "1" });
    expect(JSON.parse(searched ?? "").results).toMatchObject([{ id: "1" }]);
    expect(streamed.map((line) => JSON.parse(line) as object)).toMatchObject([{ id: "1" }, { done: true }]);
  });

  test("has a program that runs", () => {
    const program = block(/^import \{ startCloud \}/).replaceAll(
      /"\.\.\/\.\.\/(infra\/[^"]+)"/g,
      (_, file: string) => `"${pathToFileURL(join(packageRoot, file)).href}"`,
    );
    const file = join(temporaryFolder(), "example.ts");
    writeFileSync(file, program);
    const { status, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8", cwd: packageRoot });
    expect([status, stderr]).toEqual([0, expect.not.stringContaining("Error")]);
  });
});

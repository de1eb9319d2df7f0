import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { startCloud } from "../../infra/local/cloud.ts";
import { freePort, mustBeFree } from "../../infra/local/serving.ts";
import { packageRoot } from "../../src/base/index.ts";

function cloud(...args: readonly string[]): { status: number | null; stderr: string } {
  const main = join(packageRoot, "infra", "local", "main.ts");
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
}

test.each([
  [["--bogus"], "Unknown option '--bogus'"],
  [["--leaves", "65"], '--leaves is a whole number from 0 to 64, not "65"'],
  [["--leaves", "x"], '--leaves is a whole number from 0 to 64, not "x"'],
  [["--port", "70000"], '--port is a whole number from 0 to 65535, not "70000"'],
])("%j is wrong usage", (args, said) => {
  const { status, stderr } = cloud(...args);
  expect([status, stderr.split("\n")[0]]).toEqual([2, said]);
  expect(stderr).toContain("usage: npm run cloud -- ");
});

describe("a port that another program has", () => {
  let port: number;
  beforeAll(async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    port = (other.address() as AddressInfo).port;
    return () => void other.close();
  });

  test.each(["--port", "--stream-port", "--s3-port"])("is named, chosen by %s", (name) => {
    const free = { "--port": "0", "--stream-port": "0", "--s3-port": "0" };
    const { status, stderr } = cloud(...Object.entries({ ...free, [name]: String(port) }).flat());
    const said = `Another program listens on port ${port} of this machine: end it, or choose another port.\n`;
    expect([status, stderr]).toEqual([1, said]);
  });

  test("leaves nothing behind that had begun", async () => {
    const s3 = await freePort();
    const starting = startCloud({ folders: new Map(), ports: { s3, stream: port } });
    await expect(starting).rejects.toMatchObject({ code: "port_in_use" });
    await expect(mustBeFree(s3)).resolves.toBeUndefined();
  });
});

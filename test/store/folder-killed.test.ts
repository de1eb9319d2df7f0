import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { seededRandom } from "../../src/base/index.ts";
import { FolderStore } from "../../src/store/index.ts";
import { step } from "./support/contender.ts";
import { Contender } from "./support/contenders.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary-folder.ts";

let folder: TemporaryFolder;
let store: FolderStore;
beforeEach(async () => {
  folder = await temporaryFolder();
  store = new FolderStore(folder.path);
});
afterEach(async () => {
  await store.close();
  await folder.remove();
});

const textAt = async (key: string): Promise<string> => {
  const got = await store.get(key);
  return got.status === "found" ? Buffer.from(got.bytes).toString() : got.status;
};

test("the lock of a process that is killed is free", async () => {
  const { etag } = await store.put("k", Buffer.from("before"));
  const holder = await Contender.start({ folder: folder.path });
  const locks = join(folder.path, ".mosaic", "locks");
  expect(await holder.ask({ do: "hold", key: "k", locks })).toBe("held");
  const swap = store.put("k", Buffer.from("after"), { ifMatch: etag });
  expect(await Promise.race([swap, sleep(200, "waiting")])).toBe("waiting");
  await holder.kill();
  await swap;
  expect(await textAt("k")).toBe("after");
});

test("processes killed at any moment lose no acknowledged swap and tear no object", async () => {
  const random = seededRandom(1);
  const acknowledged = [join(folder.path, ".acknowledged0"), join(folder.path, ".acknowledged1")];
  for (const file of acknowledged) writeFileSync(file, "");
  await store.put("counter", Buffer.from("0"));
  const kills = 12;
  for (let kill = 0; kill < kills; kill++) {
    const contenders = await Promise.all(acknowledged.map(() => Contender.start({ folder: folder.path })));
    contenders.forEach((contender, at) => {
      contender.tell({ do: "count", key: "counter", acknowledged: acknowledged[at] as string });
    });
    await sleep(20 + random() * 100);
    await Promise.all(contenders.map((contender) => contender.kill()));
    const count = Number(await textAt("counter"));
    const steps = acknowledged.reduce((sum, file) => sum + statSync(file).size, 0);
    // Each may have been killed after its swap and before it wrote that down, once a life.
    expect(count).toBeGreaterThanOrEqual(steps);
    expect(count).toBeLessThanOrEqual(steps + 2 * (kill + 1));
    expect(await step(store, "counter")).toBe(true);
    writeFileSync(acknowledged[0] as string, ".", { flag: "a" });
  }
  expect(readFileSync(acknowledged[0] as string, "utf8").length).toBeGreaterThan(kills);
});

test("what a killed process left of a put is cleared a day later", async () => {
  await store.put("k", Buffer.from("v"));
  const temporaries = join(folder.path, ".mosaic", "tmp");
  writeFileSync(join(temporaries, "left-behind"), "half");
  const dayMs = 24 * 60 * 60 * 1000;
  const clock = (aheadMs: number) => ({
    now: () => Date.now() + aheadMs,
    monotonicMs: () => performance.now(),
    sleep: async () => undefined,
    schedule: () => () => undefined,
  });
  for (const [aheadMs, left] of [
    [dayMs / 2, ["left-behind"]],
    [dayMs * 2, []],
  ] as const) {
    const later = new FolderStore(folder.path, { clock: clock(aheadMs) });
    await later.put("k", Buffer.from("w"));
    await later.close();
    expect(readdirSync(temporaries)).toEqual(left);
  }
});

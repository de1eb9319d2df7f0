import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot, systemRandom } from "../../src/base/index.ts";
import { removeLeftWorkFolders, workFolderBelow } from "../../src/engine/work-folders.ts";
import { temporaryFolder } from "./support/engine.ts";

const making = (parent: string): string => `
  import { mkdirSync, writeFileSync } from "node:fs";
  import { systemRandom } from ${JSON.stringify(join(packageRoot, "src/base/index.ts"))};
  import { workFolderBelow } from ${JSON.stringify(join(packageRoot, "src/engine/work-folders.ts"))};
  const folder = workFolderBelow(${JSON.stringify(parent)}, systemRandom);
  mkdirSync(folder);
  writeFileSync(folder + "/half a shard", "x");
  console.log(folder);
  setInterval(() => {}, 1000);
`;

test("what a killed process has built in is removed, and what others build in stays", async () => {
  const parent = temporaryFolder();
  const child = spawn(process.execPath, ["--input-type=module", "--eval", making(parent)]);
  const [printed] = (await once(child.stdout, "data")) as [Buffer];
  const theirs = printed.toString().trim();

  const own = workFolderBelow(parent, systemRandom);
  mkdirSync(own);
  const other = join(parent, "somebody-elses");
  mkdirSync(other);
  // Of a process that had the number of this one, before it began.
  const before = workFolderBelow(parent, systemRandom);
  mkdirSync(before);
  writeFileSync(join(before, "half a shard"), "x");
  utimesSync(before, 1, 1);

  await removeLeftWorkFolders(parent);
  expect([theirs, own, other, before].map(existsSync)).toEqual([true, true, true, false]);

  child.kill("SIGKILL");
  await once(child, "exit");
  await removeLeftWorkFolders(parent);
  expect([theirs, own, other].map(existsSync)).toEqual([false, true, true]);
});

test("a folder that is not there has nothing to remove", async () => {
  await expect(removeLeftWorkFolders(join(temporaryFolder(), "none"))).resolves.toBeUndefined();
});

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { sha256, systemClock } from "../../../src/base/index.ts";
import type { ImmutableRef } from "../../../src/shard/index.ts";
import { FolderStore, type ObjectStore } from "../../../src/store/index.ts";
import { PassingStore } from "../../engine/support/stores.ts";
import { bytesOf, openCache, refOf, temporaryFolder, watch } from "./support/cache.ts";

const sizeBytes = 256 * 1024;
const maxBytes = 6 * sizeBytes;

class FarStore extends PassingStore {
  override localPath(): undefined {
    return undefined;
  }
}

async function stored(): Promise<{ path: string; store: ObjectStore; refs: ImmutableRef[] }> {
  const path = await temporaryFolder();
  const store = new FolderStore(path);
  const refs: ImmutableRef[] = [];
  for (let at = 0; at < 12; at++) {
    const bytes = bytesOf(at, sizeBytes);
    refs.push(refOf(at, bytes));
    await store.put(`objects/${at}`, bytes);
  }
  return { path, store: new FarStore(store), refs };
}

/** A reader, and what it has said so far. */
class Reader {
  readonly said: string[] = [];
  readonly #child: ChildProcess;

  constructor(args: readonly string[]) {
    const script = join(import.meta.dirname, "support", "reader.ts");
    this.#child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    this.#child.stdout?.on("data", (chunk: Buffer) => this.said.push(...chunk.toString().split("\n").filter(Boolean)));
  }
  async hasRead(count: number): Promise<void> {
    while (this.said.length < count) await systemClock.sleep(10);
  }
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}

test("two processes share a folder: killed at any moment, they read nothing wrong and keep the bound", async () => {
  const { path, store, refs } = await stored();
  const cachePath = await temporaryFolder();
  const folder = join(cachePath, "objects");
  const readers: Reader[] = [];
  onTestFinished(async () => {
    for (const reader of readers) await reader.kill();
  });
  const start = (): Reader => {
    const reader = new Reader([cachePath, path, String(maxBytes), JSON.stringify(refs)]);
    readers.push(reader);
    return reader;
  };

  const watched = watch(folder);
  const steady = start();
  for (let round = 0; round < 5; round++) {
    const victim = start();
    await victim.hasRead(20);
    await systemClock.sleep(Math.random() * 50);
    await victim.kill();
  }
  const before = steady.said.length;
  await steady.hasRead(before + 20);
  await steady.kill();

  const most = await watched.stop();
  expect(most).toBeGreaterThan(maxBytes / 2);
  expect(most).toBeLessThanOrEqual(maxBytes);
  const outcomes = new Set(readers.flatMap(({ said }) => said));
  outcomes.delete("vanished"); // the other process evicted it between pin and open
  expect([...outcomes]).toEqual(["right"]);

  for (const name of await readdir(folder)) {
    if (!name.endsWith(".part")) expect(name).toBe(`${sha256(await readFile(join(folder, name)))}-${sizeBytes}`);
  }
  const after = openCache({ store, cachePath, maxBytes });
  for (const ref of refs) {
    using pin = await after.pin(ref);
    expect(sha256(await readFile(pin.path))).toBe(ref.sha256);
  }
  // What the dead had claimed is free again.
  expect((await readdir(folder)).filter((name) => name.endsWith(".part"))).toEqual([]);
});

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const run = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args).status === 0;

function mounted(sizeKib: number): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-tmpfs-"));
  if (run("mount", "-t", "tmpfs", "-o", `size=${sizeKib}k`, "tmpfs", folder)) return folder;
  rmdirSync(folder);
  return undefined;
}

function unmount(folder: string): void {
  run("umount", "-l", folder);
  rmdirSync(folder);
}

function probe(): boolean {
  const folder = mounted(64);
  if (folder !== undefined) unmount(folder);
  return folder !== undefined;
}

/** True when this process may mount a small disk of its own. */
export const canMount = process.platform === "linux" && process.getuid?.() === 0 && probe();
/** For the name of a test that has to be skipped without. */
export const needsMount = canMount ? "" : " (skipped: only root can mount a small disk)";

/** A disk of so many KiB, gone when the test is. */
export function smallDisk(sizeKib: number): string {
  const folder = mounted(sizeKib);
  if (folder === undefined) throw new Error("mount failed");
  onTestFinished(() => unmount(folder));
  return folder;
}

export function remount(folder: string, mode: "ro" | "rw"): void {
  if (!run("mount", "-o", `remount,${mode}`, folder)) throw new Error(`remount ${mode} failed`);
}

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Shell } from "./support/mosaic.ts";

const line = JSON.stringify({ id: "a", text: "a text", embedding: [1, 2, 3] });

function drop(shell: Shell, name: string, content: string): void {
  const folder = join(shell.folder, "data", "inbox", "acme", "notes");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), content);
}

test("maintain reads what waits in the inbox, folds, and says what it did; a second round finds nothing", async () => {
  const shell = new Shell({ INBOX_SETTLE_MS: "0" });
  expect((await shell.feed(line, "ingest", "-")).code).toBe(0);
  drop(shell, "a.ndjson", `${line}\n`);
  const { code, out, error } = await shell.run("maintain", "--json");
  expect([code, error]).toEqual([0, ""]);
  expect(JSON.parse(out)).toMatchObject({ busy: false, complete: true, collections: 2, files: 1, failed: 0 });
  expect(existsSync(join(shell.folder, "data", "processed", "acme", "notes", "a.ndjson"))).toBe(true);
  const again = await shell.run("maintain", "--minutes", "5");
  expect([again.code, again.out]).toEqual([0, ""]);
  expect(again.error).toContain("0 folded");
  expect(again.error).toContain("0 files taken from the inbox");
}, 180_000);

test("maintain ends with 1 when something could not be seen to, and sees to the rest", async () => {
  const shell = new Shell({ INBOX_SETTLE_MS: "0" });
  drop(shell, "a.ndjson", `${line}\n`);
  const bad = join(shell.folder, "data", "tenants", "default", "bad");
  mkdirSync(bad, { recursive: true });
  writeFileSync(join(bad, "manifest.json"), "{");
  const { code, error } = await shell.run("maintain");
  expect(code).toBe(1);
  expect(error).toContain("manifest_damaged");
  expect(error).toContain("1 file taken from the inbox");
  expect(error).toContain("1 failed and will be tried again");
}, 180_000);

test("maintain does nothing while another process is at it, and that is no failure", async () => {
  const shell = new Shell();
  const folder = join(shell.folder, "data", "maintenance");
  mkdirSync(folder, { recursive: true });
  const held = { format: 1, holder: "x", untilMs: 8e15, after: "", doneMs: {}, quiet: {} };
  writeFileSync(join(folder, "state.json"), JSON.stringify(held));
  const { code, error } = await shell.run("maintain");
  expect([code, error]).toEqual([0, "another process is at it; nothing was done\n"]);
}, 180_000);

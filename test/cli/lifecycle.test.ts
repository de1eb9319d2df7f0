import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Shell } from "./support/mosaic.ts";

/** Generation 3 holds `a` and `b` as they were first (the second fixed the dimensions), 4 what came later. */
async function twoGenerations(): Promise<Shell> {
  const shell = new Shell();
  for (const [name, ids] of [
    ["first", ["a", "b"]],
    ["second", ["a", "c"]],
  ] as const) {
    const lines = ids.map((id) => JSON.stringify({ id, text: `${name} ${id}`, embedding: [1, 2, 3] }));
    writeFileSync(join(shell.folder, `${name}.ndjson`), lines.join("\n"));
    expect((await shell.run("ingest", `${name}.ndjson`)).code).toBe(0);
  }
  return shell;
}

test("compact, as-of, branch, rollback, gc and job do what they say, as JSON too", async () => {
  const shell = await twoGenerations();
  const json = async (...args: readonly string[]): Promise<Record<string, unknown>> => {
    const { code, out, error } = await shell.run(...args, "--json");
    expect([code, error]).toEqual([0, ""]);
    return JSON.parse(out) as Record<string, unknown>;
  };
  expect(await json("get", "a")).toMatchObject({ text: "second a" });
  expect(await json("get", "a", "--as-of", "3")).toMatchObject({ text: "first a" });
  expect(await json("branch", "before", "--as-of", "3")).toMatchObject({ name: "before", documents: 2 });
  expect(await json("get", "a", "--collection", "before")).toMatchObject({ text: "first a" });
  const job = await json("compact");
  expect(job).toMatchObject({ kind: "compact", status: "done", result: { shards_before: 2, shards_after: 1 } });
  expect(await json("job", String(job["id"]))).toEqual(job);
  expect((await shell.run("job", String(job["id"]), "--cancel")).out).toMatch(/^compact of documents: done, /);
  expect(await json("rollback", "--as-of", "3")).toMatchObject({ name: "documents", documents: 2 });
  expect(await json("get", "a")).toMatchObject({ text: "first a" });
  expect(await json("gc")).toMatchObject({ orphans: [], collected: false });
  expect(await json("gc", "--collect")).toMatchObject({ orphans: [], collected: true });
  expect(await json("verify")).toMatchObject({ ok: true, documents: 2 });
}, 180_000);

test("what can't be done says why", async () => {
  const shell = await twoGenerations();
  for (const [args, code, message] of [
    [["rollback"], 2, "--as-of is missing"],
    [["rollback", "--as-of", "then"], 1, "as_of is the number of a generation, or a time"],
    [["rollback", "--as-of", "77"], 1, "mosaic: "],
    [["branch"], 2, "NAME is missing"],
    [["branch", "documents"], 1, "already"],
    [["branch", "No Name"], 1, "collection"],
    [["compact", "--collection", "nowhere"], 1, "There is no collection nowhere"],
    [["gc", "--collection", "nowhere"], 1, "There is no collection nowhere"],
    [["job", "nothing"], 1, "There is no job of this id"],
  ] as const) {
    const ran = await shell.run(...args);
    expect([ran.code, ran.out]).toEqual([code, ""]);
    expect(ran.error).toContain(message);
  }
}, 180_000);

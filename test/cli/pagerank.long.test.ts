import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Shell } from "./support/mosaic.ts";

test("pagerank ranks, shows it as JSON too, and says what it can't take", async () => {
  const shell = new Shell();
  const links = { home: ["news", "about"], news: ["home"], about: ["home"] };
  const lines = Object.entries(links).map(([id, to]) =>
    JSON.stringify({ id, text: `page ${id}`, embedding: [1], metadata: { outbound_links: to, refs: ["news"] } }),
  );
  writeFileSync(join(shell.folder, "pages.ndjson"), lines.join("\n"));
  expect((await shell.run("ingest", "pages.ndjson")).code).toBe(0);
  const ranked = await shell.run("pagerank", "--json");
  expect([ranked.code, ranked.error]).toEqual([0, ""]);
  const job = JSON.parse(ranked.out) as Record<string, unknown>;
  expect(job).toMatchObject({ kind: "pagerank", status: "done", result: { documents: 3, links: 4, iterations: 20 } });
  expect(JSON.parse((await shell.run("job", String(job["id"]), "--json")).out)).toEqual(job);
  const best = ["sql", "SELECT id FROM documents ORDER BY pagerank DESC, id LIMIT 1", "--csv"];
  expect((await shell.run(...best)).out).toMatch(/^id\s+home\s*$/);
  const other = await shell.run("pagerank", "--links", "refs", "--iterations", "50", "--tolerance", "0.01");
  expect([other.code, other.out]).toEqual([0, ""]);
  expect(other.error).toMatch(/^3 documents ranked by 3 links; \d+ iterations, /);
  expect((await shell.run(...best)).out).toMatch(/^id\s+news\s*$/);
  for (const [args, code, message] of [
    [["--damping", "1"], 2, "from 0 to below 1"],
    [["--iterations", "0"], 2, "--iterations"],
    [["--links", ""], 2, "--links"],
    [["--collection", "nowhere"], 1, "There is no collection nowhere"],
  ] as const) {
    const ran = await shell.run("pagerank", ...args);
    expect([ran.code, ran.out]).toEqual([code, ""]);
    expect(ran.error).toContain(message);
  }
}, 300_000);

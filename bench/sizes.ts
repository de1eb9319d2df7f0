/**
 * How much memory and /tmp each function takes at most, at the heaviest work that it has: what `infra/table.ts` gives them is
 * chosen by this.
 *
 *   npm run bench:sizes               two files of 63,666 documents (about 5 minutes)
 *   npm run bench:sizes -- --quick    6,000
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { type LocalCloud, scheduleEvent, startCloud } from "../infra/local/cloud.ts";
import type { InvocationReport } from "../infra/local/lambda/invocation.ts";
import { buildForThisMachine } from "../infra/local/packages.ts";
import { dropFile } from "./cloud/drop.ts";
import { readDocuments, readVectors, rowOf } from "./data.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" } } });
const rows = values.quick ? 6_000 : 63_666;
const embedded = values.quick ? 50 : 1_000;
const copies = values.quick ? 1 : 2;

/** Drops a file into the inbox, and waits until its function has read it. */
const drop = (cloud: LocalCloud, name: string, lines: Iterable<string>): Promise<void> =>
  dropFile(cloud, `${name}.ndjson.gz`, gzipSync(Array.from(lines).join("\n"), { level: 1 }));

function* withVectors(copy: number): Generator<string> {
  const documents = readDocuments();
  const vectors = readVectors();
  for (let row = 0; row < Math.min(rows, documents.length); row++) {
    const embedding = Array.from(rowOf(vectors, row), (value) => Number(value.toFixed(5)));
    const { id, ...others } = documents[row] as (typeof documents)[number];
    yield JSON.stringify({ ...others, id: `${id}#${copy}`, embedding });
  }
}

const withoutVectors = (): Iterable<string> =>
  readDocuments()
    .slice(0, embedded)
    .map((document) => JSON.stringify(document));

async function ask(cloud: LocalCloud, path: string, body: object): Promise<void> {
  const answer = await fetch(`${path.startsWith("http") ? "" : cloud.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  // An answer that is refused for its size, or for which the gateway did not wait, has done its work.
  if (!answer.ok && ![413, 422, 503].includes(answer.status)) throw new Error(`${path}: ${text.slice(0, 500)}`);
}

const folder = mkdtempSync(join(tmpdir(), "mosaic-bench-sizes-"));
const most = new Map<string, { mb: number; tmpMb: number }>();
const note = ({ functionName, maxResidentMb, maxTmpMb }: InvocationReport): void => {
  const name = functionName.replace(/^.*?-(?=(api|stream|leaf|ingest|maintain))/, "").replace(/-\d+$/, "");
  const known = most.get(name) ?? { mb: 0, tmpMb: 0 };
  most.set(name, { mb: Math.max(known.mb, maxResidentMb), tmpMb: Math.max(known.tmpMb, maxTmpMb) });
};
/** What each function has taken since the last stage; its environments end, so that the next begins anew. */
function stage(cloud: LocalCloud, name: string): void {
  for (const [who, { mb, tmpMb }] of most)
    console.log(`${name.padEnd(54)}${who.padEnd(10)}${mb.toFixed(0).padStart(8)}${tmpMb.toFixed(0).padStart(9)}`);
  most.clear();
  for (const function_ of cloud.lambda.names) cloud.lambda.kill(function_);
}

console.log(`${"".padEnd(54)}function     MB at most  /tmp MB`);
const cloud = await startCloud({
  folders: await buildForThisMachine(join(folder, "functions")),
  leafFunctions: 4,
  environment: {
    MOSAIC_ALLOW_OPEN: "1",
    LOG_LEVEL: "error",
    SHARD_TIMEOUT_MS: "25000",
    // Leaves are asked, although this collection is one that the root would read itself.
    FAN_OUT_SHARDS: "1",
    FAN_OUT_ROWS: "1",
  },
  onReport: note,
});
try {
  for (let copy = 0; copy < copies; copy++) await drop(cloud, `vectors-${copy}`, withVectors(copy));
  stage(cloud, `files of ${rows.toLocaleString("en")} documents with vectors, ${copies}`);
  await drop(cloud, "texts", withoutVectors());
  stage(cloud, `a file of ${embedded.toLocaleString("en")} documents to embed`);
  await ask(cloud, "/api/v1/search/hybrid", { query: "edit photos", limit: 100 });
  for (const query of ["a web browser", "text editor for programmers", "solve equations"])
    await ask(cloud, "/api/v1/search/hybrid", { query, limit: 50, where: "word_count > 20" });
  stage(cloud, "hybrid searches, the query embedded, with a filter");
  for (const sql of [
    "SELECT metadata->>'section', count(*), avg(word_count) FROM documents GROUP BY 1",
    "SELECT id, row_number() OVER (ORDER BY length(text)) FROM documents ORDER BY 2 LIMIT 10",
    "SELECT count(*) FROM documents a JOIN documents b ON a.text = b.text",
  ])
    await ask(cloud, "/api/v1/search/sql", { sql, timeout_ms: 25_000 });
  stage(cloud, "SQL: groups, a window and a join over all documents");
  await ask(cloud, "/api/v1/collections/documents/compact", {});
  for (let round = 0; round < 20; round++) await cloud.invoke("maintain", scheduleEvent());
  stage(cloud, "compaction of everything, policies, garbage");
} finally {
  await cloud.close();
  rmSync(folder, { recursive: true, force: true });
}

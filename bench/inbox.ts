/**
 * What the ingest function takes for files of the inbox, in the local cloud: rate, runs, memory at most.
 *
 *   npm run bench:inbox               63,666 documents with vectors; 1,000 to embed; 2 GB of NDJSON in runs of a minute
 *   npm run bench:inbox -- --quick    2,000; 50; 60 MB in runs of some seconds
 */
import { createWriteStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { createGzip } from "node:zlib";
import { type LocalCloud, startCloud } from "../infra/local/cloud.ts";
import { localName } from "../infra/local/local-functions.ts";
import { buildForThisMachine } from "../infra/local/packages.ts";
import { functions } from "../infra/table.ts";
import { dropFile } from "./cloud/drop.ts";
import { readDocuments, readVectors, rowOf } from "./data.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" } } });
const quick = values.quick === true;
const rows = quick ? 2_000 : 63_666;
const embedded = quick ? 50 : 1_000;
const largeBytes = quick ? 60e6 : 2e9;
/** A run of the last file ends after so long: what is left when it stops is the reserve. */
const runSeconds = quick ? 2 : 60;

/** Lines of NDJSON: the documents over and over, those of each copy under ids of their own, until there are so many bytes. */
function* lines(mostRows: number, mostBytes: number, withVectors: boolean): Generator<string> {
  const documents = readDocuments();
  const vectors = readVectors();
  let bytes = 0;
  for (let at = 0; at < mostRows && bytes < mostBytes; at++) {
    const row = at % documents.length;
    const { id, ...others } = documents[row] as (typeof documents)[number];
    const embedding = Array.from(rowOf(vectors, row), (value) => Number(value.toFixed(5)));
    const copy = Math.floor(at / documents.length);
    const line = `${JSON.stringify({ ...others, id: `${id}#${copy}`, ...(withVectors ? { embedding } : {}) })}\n`;
    bytes += line.length;
    yield line;
  }
}

const folder = mkdtempSync(join(tmpdir(), "mosaic-bench-inbox-"));
let taken = { runs: 0, ms: 0, mb: 0, tmpMb: 0 };

async function start(folders: ReadonlyMap<string, string>, runLimit?: number): Promise<LocalCloud> {
  const reserveMs = (functions.ingest.timeoutSeconds - (runLimit ?? 0)) * 1000;
  return await startCloud({
    folders,
    environment: {
      MOSAIC_ALLOW_OPEN: "1",
      LOG_LEVEL: "error",
      ...(runLimit === undefined ? {} : { INBOX_RESERVE_MS: String(reserveMs) }),
    },
    onReport: ({ functionName, durationMs, maxResidentMb, maxTmpMb }) => {
      if (functionName !== localName("ingest")) return;
      const { runs, ms, mb, tmpMb } = taken;
      taken = {
        runs: runs + 1,
        ms: ms + durationMs,
        mb: Math.max(mb, maxResidentMb),
        tmpMb: Math.max(tmpMb, maxTmpMb),
      };
    },
  });
}

/** One file through a cloud of its own, whose environments are new. */
async function measure(
  folders: ReadonlyMap<string, string>,
  name: string,
  content: Generator<string>,
  runLimit?: number,
): Promise<void> {
  const path = join(folder, name);
  let documents = 0;
  const counted = function* (): Generator<string> {
    for (const line of content) {
      documents++;
      yield line;
    }
  };
  const zip = name.endsWith(".gz") ? [createGzip({ level: 1 })] : [];
  await pipeline([Readable.from(counted()), ...zip, createWriteStream(path)]);
  taken = { runs: 0, ms: 0, mb: 0, tmpMb: 0 };
  const cloud = await start(folders, runLimit);
  try {
    await dropFile(cloud, name, { path });
  } finally {
    await cloud.close();
  }
  const { runs, ms, mb, tmpMb } = taken;
  const cells = [
    (statSync(path).size / 1e6).toFixed(0),
    documents.toLocaleString("en"),
    String(runs),
    (ms / 1000).toFixed(0),
    ((documents / ms) * 1000).toFixed(0),
    mb.toFixed(0),
    tmpMb.toFixed(0),
  ];
  console.log(name.padEnd(24) + cells.map((cell) => cell.padStart(12)).join(""));
  rmSync(path);
}

try {
  const folders = await buildForThisMachine(join(folder, "functions"));
  const head = ["MB", "documents", "runs", "s", "documents/s", "MB memory", "MB of /tmp"];
  console.log("".padEnd(24) + head.map((cell) => cell.padStart(12)).join(""));
  await measure(folders, "vectors.ndjson.gz", lines(rows, Number.POSITIVE_INFINITY, true));
  await measure(folders, "to-embed.ndjson", lines(embedded, Number.POSITIVE_INFINITY, false));
  await measure(folders, "large.ndjson", lines(Number.POSITIVE_INFINITY, largeBytes, true), runSeconds);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

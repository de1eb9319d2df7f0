import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/base/index.ts";
import { operations } from "../../src/http/index.ts";
import { problemCodes } from "../../src/http/openapi.ts";
import { batchProblemList, problemList } from "../../src/http/problem-list.ts";

/** What ends a start, a command or a caller's own code, or is caught on the way: no answer carries it. */
const neverAnswered = [
  "custom",
  "internal",
  "invalid_embedding_model",
  "invalid_key",
  "invalid_setting",
  "invariant_broken",
  "kernel_memory",
  "object_not_found",
  "precondition_failed",
  // A finding of verify.
  "segment_missing",
  // Of a shard that a search leaves out.
  "shard_quarantined",
  // The error of a job, or of background work that another process does.
  "compaction_running",
  "maintenance_taken_over",
  // Of a file that was dropped: told beside it, and by GET /api/v1/inbox.
  "invalid_inbox_name",
  "inbox_file_changing",
  "unknown_format",
  "unreadable_file",
  "malformed_csv",
  // Of `mosaic keys`.
  "key_not_found",
  "ambiguous_key",
  // The schemas of requests refuse these before the engine does.
  "invalid_dimensions",
  "invalid_min_score",
  "invalid_cluster_by",
  "invalid_archive_after_days",
  // Functions as scorers, which only the library takes.
  "invalid_score",
  // startServer
  "open_server",
  "port_in_use",
  "cannot_listen",
];

const sources = globSync(
  "src/{base,embedding,engine,http,formats,inbox,ingest,keys,lifecycle,manifest,search,shard,sql,store}/**/*.ts",
  {
    cwd: packageRoot,
  },
);
const codesIn = (text: string): string[] => [
  ...(text.match(/(?<=\bcode: ")[a-z_]+(?=",?)/g) ?? []),
  ...(text.match(/(?<=\b(?:invalid|denied|unavailable)\(\s*")[a-z_]+(?=")/g) ?? []),
];

test("every code that the engine gives is explained at /docs", () => {
  const given = new Set(sources.flatMap((file) => codesIn(readFileSync(join(packageRoot, file), "utf8"))));
  expect(given.size).toBeGreaterThan(50);
  const explained = new Set([...Object.keys(problemList), ...Object.keys(batchProblemList), ...neverAnswered]);
  expect([...given].filter((code) => !explained.has(code))).toEqual([]);
});

test("every code of an operation is explained, and every explanation but the general ones is of an operation", () => {
  const used = new Set(operations.flatMap(problemCodes));
  expect([...used].filter((code) => problemList[code] === undefined)).toEqual([]);
  // The last two are of every operation: where a function answers, and where nobody listens any more.
  const general = ["invalid_request", "not_found", "method_not_allowed", "answer_too_large", "client_gone"];
  expect(Object.keys(problemList).filter((code) => !used.has(code))).toEqual(general);
});

test("no code is both of a request and of one document of a batch", () => {
  for (const code of Object.keys(batchProblemList)) expect(problemList).not.toHaveProperty(code);
});

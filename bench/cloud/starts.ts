import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FunctionSpec } from "../../infra/local/lambda/function-spec.ts";
import type { InvocationReport } from "../../infra/local/lambda/invocation.ts";
import { LocalLambda } from "../../infra/local/lambda/local-lambda.ts";
import { s3Credentials } from "../../infra/local/s3/s3-server.ts";
import { type FunctionName, functions } from "../../infra/table.ts";
import type { SlowS3 } from "../remote/start-slow-s3.ts";
import { percentile } from "../vector/measure.ts";

export interface StartsInput {
  readonly folders: ReadonlyMap<string, string>;
  readonly s3: SlowS3;
  readonly runs: number;
}

const http = (path: string): object => ({
  rawPath: path,
  rawQueryString: "",
  headers: { host: "localhost" },
  requestContext: { domainName: "localhost", http: { method: "GET" } },
  isBase64Encoded: false,
});

/** A call of each function that gives it the least to do. */
const leastOf: Readonly<Record<FunctionName | "empty", object>> = {
  empty: {},
  api: http("/api/v1/health"),
  stream: http("/api/v1/health"),
  leaf: {
    format: 1,
    request: { kind: "lookup", scope: {}, shards: [], withDocument: false },
    layouts: {},
    allLayouts: true,
    timeoutMs: 1000,
    from: 0,
    mostBytes: 1_000_000,
  },
  ingest: { Records: [] },
  maintain: {},
};

/** Initialisation, processor time, first call and memory of each function, beside those of a function that does nothing. */
export async function measureStarts({ folders, s3, runs }: StartsInput): Promise<void> {
  const nothing = mkdtempSync(join(tmpdir(), "mosaic-empty-function-"));
  writeFileSync(join(nothing, "index.mjs"), "export const handler = async () => null;\n");
  const environment = {
    ...s3Credentials,
    S3_ENDPOINT: s3.endpoint,
    STORAGE_PATH: "s3://bucket",
    MOSAIC_ALLOW_OPEN: "1",
    LEAF_FUNCTIONS: "4",
    LOG_LEVEL: "error",
  };
  console.log("\nstart of a function   init ms p50    max   processor ms   first call ms   next   resident MB");
  for (const [name, folder] of [["empty", nothing] as const, ...folders]) {
    const table = name === "empty" ? undefined : functions[name as FunctionName];
    const spec: FunctionSpec = {
      name,
      folder,
      handler: "index.handler",
      memoryMb: table?.memoryMb ?? 1769,
      timeoutS: 60,
      environment: { ...table?.environment, ...environment },
    };
    const { first, next } = await started(spec, leastOf[name as FunctionName | "empty"], runs);
    console.log(line(name, first, next));
  }
  rmSync(nothing, { recursive: true, force: true });
}

/** Reports of the first and of the second call of new environments. */
async function started(
  spec: FunctionSpec,
  event: object,
  runs: number,
): Promise<{ readonly first: readonly InvocationReport[]; readonly next: readonly InvocationReport[] }> {
  const lambda = new LocalLambda({ functions: [spec] });
  const call = async (): Promise<InvocationReport> => {
    const { outcome, report } = await lambda.invoke(spec.name, Buffer.from(JSON.stringify(event)), (answer) =>
      answer.resume(),
    );
    if (report === undefined || outcome.kind === "fault") throw new Error(`${spec.name}: ${JSON.stringify(outcome)}`);
    return report;
  };
  const first: InvocationReport[] = [];
  const next: InvocationReport[] = [];
  // The first start reads the files from disk, as no other will.
  for (let run = -1; run < runs; run++) {
    const reports = [await call(), await call()] as const;
    if (run >= 0) {
      first.push(reports[0]);
      next.push(reports[1]);
    }
    lambda.kill(spec.name);
  }
  await lambda.close();
  return { first, next };
}

function line(name: string, first: readonly InvocationReport[], next: readonly InvocationReport[]): string {
  const p50 = (numbers: readonly number[]): number => percentile(numbers, 50);
  const init = first.map(({ initMs }) => initMs);
  const cells = [
    p50(init).toFixed(0).padStart(8),
    Math.max(...init)
      .toFixed(0)
      .padStart(7),
    p50(first.map(({ initProcessorMs }) => initProcessorMs))
      .toFixed(0)
      .padStart(15),
    p50(first.map(({ durationMs }) => durationMs))
      .toFixed(0)
      .padStart(16),
    p50(next.map(({ durationMs }) => durationMs))
      .toFixed(1)
      .padStart(7),
    p50(next.map(({ maxResidentMb }) => maxResidentMb))
      .toFixed(0)
      .padStart(14),
  ];
  return `${name.padEnd(25)}${cells.join("")}`;
}

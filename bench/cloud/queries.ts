import { type CloudOptions, type LocalCloud, startCloud } from "../../infra/local/cloud.ts";
import type { InvocationReport } from "../../infra/local/lambda/invocation.ts";
import { readVectors, rowOf } from "../data.ts";
import type { SlowS3 } from "../remote/start-slow-s3.ts";
import { percentile } from "../vector/measure.ts";
import { nameOf } from "./collections.ts";

interface Measured {
  readonly ms: readonly number[];
  /** Means of a query; rounds: the most. */
  readonly rounds: number;
  readonly requests: number;
  readonly megabytes: number;
  readonly leafCalls: number;
  readonly leafInitMs: number;
  readonly usd: number;
  /** Resident memory of an environment at most. */
  readonly rootMb: number;
  readonly leafMb: number;
  /** Ids of every query's results. */
  readonly found: readonly string[];
}

interface Input {
  readonly folders: ReadonlyMap<string, string>;
  readonly s3: SlowS3;
  readonly runs: number;
}

type State = "cold" | "warm";

const p50 = (numbers: readonly number[]): number => (numbers.length === 0 ? 0 : percentile(numbers, 50));

/** One environment's story: what the queries of one cloud take. */
class Story {
  readonly cloud: LocalCloud;
  readonly #s3: SlowS3;
  readonly #reports: InvocationReport[];
  readonly #vectors = readVectors();

  constructor(cloud: LocalCloud, s3: SlowS3, reports: InvocationReport[]) {
    this.cloud = cloud;
    this.#s3 = s3;
    this.#reports = reports;
  }

  async measure(shards: number, state: State, runs: number): Promise<Measured> {
    const ms: number[] = [];
    const found: string[] = [];
    const sums = { rounds: 0, requests: 0, bytes: 0, leafCalls: 0, usd: 0 };
    const inits: number[] = [];
    const most = { rootMb: 0, leafMb: 0 };
    for (let run = -1; run < runs; run++) {
      if (state === "cold") for (const name of this.cloud.lambda.names) this.cloud.lambda.kill(name);
      await this.#s3.counted();
      this.#reports.length = 0;
      const startedMs = performance.now();
      const { ids, usd } = await this.#search(shards, 40_000 + 31 * (run + 1));
      const tookMs = performance.now() - startedMs;
      const { rounds, requests, bytes } = await this.#s3.counted();
      // The first is another story: code that was never compiled, files that nobody has.
      if (run < 0) continue;
      ms.push(tookMs);
      found.push(ids);
      const leaves = this.#reports.filter(({ functionName }) => functionName.includes("-leaf-"));
      for (const report of this.#reports) {
        const who = leaves.includes(report) ? "leafMb" : "rootMb";
        most[who] = Math.max(most[who], report.maxResidentMb);
      }
      inits.push(...leaves.filter(({ cold }) => cold).map(({ initMs }) => initMs));
      sums.rounds = Math.max(sums.rounds, rounds);
      sums.requests += requests;
      sums.bytes += bytes;
      sums.leafCalls += leaves.length;
      sums.usd += usd;
    }
    return {
      ms,
      rounds: sums.rounds,
      requests: sums.requests / runs,
      megabytes: sums.bytes / runs / 1e6,
      leafCalls: sums.leafCalls / runs,
      leafInitMs: p50(inits),
      usd: sums.usd / runs,
      ...most,
      found,
    };
  }

  async #search(shards: number, row: number): Promise<{ readonly ids: string; readonly usd: number }> {
    const vector = [...rowOf(this.#vectors, row)];
    const answer = await fetch(`${this.cloud.url}/api/v1/search`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ vector, collection: nameOf(shards), timeout_ms: 25_000 }),
    });
    const { results, degraded, stats } = (await answer.json()) as {
      readonly results?: readonly { readonly id: string }[];
      readonly degraded?: boolean;
      readonly stats?: { readonly cost: { readonly usd: number } };
    };
    if (results === undefined || degraded !== false) throw new Error(`the search failed: ${answer.status}`);
    return { ids: results.map(({ id }) => id).join(" "), usd: stats?.cost.usd ?? 0 };
  }
}

async function withCloud(
  { folders, s3 }: Input,
  options: Pick<CloudOptions, "leafFunctions"> & { readonly environment?: Readonly<Record<string, string>> },
  task: (story: Story) => Promise<void>,
): Promise<void> {
  const reports: InvocationReport[] = [];
  const { environment = {}, ...others } = options;
  const cloud = await startCloud({
    folders,
    storagePath: "s3://bucket",
    ...others,
    environment: {
      S3_ENDPOINT: s3.endpoint,
      MOSAIC_ALLOW_OPEN: "1",
      EMBEDDING_MODEL: "none",
      LOG_LEVEL: "error",
      SHARD_TIMEOUT_MS: "25000",
      ...environment,
    },
    onReport: (report) => reports.push(report),
  });
  try {
    await task(new Story(cloud, s3, reports));
  } finally {
    await cloud.close();
  }
}

const head =
  "                                        p50 ms  max ms rounds requests      MB   leaves   init   $ a million  root MB  leaf MB";

function line(
  name: string,
  { ms, rounds, requests, megabytes, leafCalls, leafInitMs, usd, ...most }: Measured,
): string {
  const cells = [
    p50(ms).toFixed(0).padStart(8),
    Math.max(...ms)
      .toFixed(0)
      .padStart(8),
    String(rounds).padStart(7),
    requests.toFixed(0).padStart(9),
    megabytes.toFixed(2).padStart(8),
    leafCalls.toFixed(1).padStart(9),
    leafInitMs === 0 ? "".padStart(7) : leafInitMs.toFixed(0).padStart(7),
    (usd * 1e6).toFixed(1).padStart(14),
    most.rootMb.toFixed(0).padStart(9),
    most.leafMb === 0 ? "" : most.leafMb.toFixed(0).padStart(9),
  ];
  return `${name.padEnd(38)}${cells.join("")}`;
}

/** Searches through the gateway, by the root alone and with four leaf functions. */
export async function measureShards(
  input: Input & { readonly rows: number; readonly shardCounts: readonly number[] },
): Promise<void> {
  console.log(
    `\n${input.rows.toLocaleString("en")} documents, through the gateway; cold: every environment is new\n${head}`,
  );
  for (const leafFunctions of [0, 4]) {
    await withCloud(input, { leafFunctions }, async (story) => {
      for (const shards of input.shardCounts)
        for (const state of ["cold", "warm"] as const) {
          const runs = state === "cold" ? Math.ceil(input.runs / 3) : input.runs;
          const who = leafFunctions === 0 ? "root alone" : `${leafFunctions} leaf functions`;
          console.log(line(`${shards} shards, ${who}, ${state}`, await story.measure(shards, state, runs)));
        }
    });
  }
}

/** All shards asked of leaf functions, of one, of some, of as many as there are shards. */
export async function measureFanOut(
  input: Input & { readonly shards: number; readonly functions: readonly number[] },
): Promise<void> {
  console.log(`\n${input.shards} shards, every one asked of a leaf function\n${head}`);
  let expected: readonly string[] | undefined;
  for (const leafFunctions of input.functions) {
    await withCloud(input, { leafFunctions, environment: { FAN_OUT_SHARDS: "1" } }, async (story) => {
      for (const state of ["cold", "warm"] as const) {
        const runs = state === "cold" ? Math.ceil(input.runs / 3) : input.runs;
        const measured = await story.measure(input.shards, state, runs);
        console.log(line(`${leafFunctions} leaf functions, ${state}`, measured));
        expected ??= measured.found;
        const same = measured.found.slice(0, expected.length).every((ids, at) => ids === expected?.[at]);
        if (!same) throw new Error("other leaf functions gave another answer");
      }
    });
  }
}

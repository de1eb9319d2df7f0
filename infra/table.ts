/**
 * What the functions are: limits, settings, rights, events. Plain data, without SST or AWS, because two read it:
 * `infra/*.ts` makes it true in an account, the local cloud on a developer's machine. What is not here is in neither.
 *
 * Units are in the names; MB are MiB, as Lambda counts.
 */

export type FunctionName = "api" | "stream" | "leaf" | "ingest" | "maintain";

/**
 * Where a right holds. `prefix` is a prefix of keys in the bucket (`tenants/` means `arn:…:bucket/tenants/*`); `bucket`
 * is the bucket itself; `queue` the ingest queue; `leaf` every leaf function and nothing else; `maintain` that function.
 */
export type Resource =
  | { readonly kind: "prefix"; readonly prefix: Prefix }
  | { readonly kind: "bucket" }
  | { readonly kind: "queue" }
  | { readonly kind: "leaf" }
  | { readonly kind: "maintain" };
export type Prefix =
  | "tenants/"
  | "jobs/"
  | "keys/"
  | "inbox/"
  | "inbox-state/"
  | "processed/"
  | "failed/"
  | "maintenance/";

/** Rights to do `actions` on `on`, and no others: a function has what its statements say, and may write its own log. */
export interface Statement {
  readonly actions: readonly string[];
  readonly on: Resource;
  readonly why: string;
}

export interface FunctionSpec {
  readonly name: FunctionName;
  /** Exports `handler`. */
  readonly file: `functions/${FunctionName}.ts`;
  readonly purpose: string;
  readonly memoryMb: number;
  /** Size of /tmp: beyond 512 it is billed by the second that the function runs. */
  readonly tmpMb: number;
  readonly timeoutSeconds: number;
  /** Answers as a stream (`awslambda.streamifyResponse`). */
  readonly streams: boolean;
  /** Has the embedding model and its runtime in its package. */
  readonly embeds: boolean;
  /**
   * Environments at most. Absent everywhere: a reservation is taken from the account's quota, and a new account's
   * (10) has nothing to give, so that the first deploy would fail.
   */
  readonly reservedConcurrency?: number;
  /** Constants; `environmentOf` adds what is known when the rest exists. */
  readonly environment: Readonly<Record<string, string>>;
  readonly statements: readonly Statement[];
}

const mib = 1024 * 1024;
const bytes = (mb: number): string => String(Math.floor(mb * mib));

/** What every function has. What follows from being one (no threads, nothing behind an answer) is in `functions/settings.ts`. */
const common = { LOG_LEVEL: "info" };

/** Of /tmp, for files that are being built and what SQLite puts there. */
const temporaryMb = 1024;
/** Caches that take `mb` of /tmp: shard files, and parts of files, which may take a quarter of that more. */
const caches = (mb: number) => ({ CACHE_MAX_BYTES: bytes(mb * 0.8) });

const on = {
  bucket: { kind: "bucket" },
  queue: { kind: "queue" },
  leaf: { kind: "leaf" },
  maintain: { kind: "maintain" },
  prefix: (prefix: Prefix): Resource => ({ kind: "prefix", prefix }),
} as const;

/**
 * S3 says 403 instead of 404 for a key that is not there to those who may not list, and every strong read asks for a
 * segment that is usually not there. A condition on `s3:prefix` would not hold for that question, so there is none.
 */
const list: Statement = { actions: ["s3:ListBucket"], on: on.bucket, why: "a missing key is a 404" };
const readWrite = ["s3:GetObject", "s3:PutObject"];
/** Of a file of any size: a large one goes in parts, which are not left behind when one fails. */
const copyInto = [...readWrite, "s3:PutObjectTagging", "s3:AbortMultipartUpload"];
const readWriteDelete = [...readWrite, "s3:DeleteObject"];
const collections: Statement = { actions: readWriteDelete, on: on.prefix("tenants/"), why: "manifest, log, shards" };
const shardMoves: Statement = {
  actions: ["s3:AbortMultipartUpload"],
  on: on.prefix("tenants/"),
  why: "large shards change their class by a copy in parts",
};
const jobs: Statement = { actions: readWriteDelete, on: on.prefix("jobs/"), why: "long work is remembered here" };
const inboxState: Statement = { actions: ["s3:GetObject"], on: on.prefix("inbox-state/"), why: "how far a file is" };
const inboxStateEnds: Statement = {
  actions: ["s3:GetObject", "s3:DeleteObject"],
  on: on.prefix("inbox-state/"),
  why: "what is known of a file goes in time",
};
const keys: Statement = {
  actions: ["s3:GetObject"],
  on: on.prefix("keys/"),
  why: "who is calling; never written here",
};
const longWork: Statement = { actions: ["lambda:InvokeFunction"], on: on.maintain, why: "jobs begin at once" };
const fanOut: Statement = { actions: ["lambda:InvokeFunction"], on: on.leaf, why: "shards are searched in parallel" };

/** API Gateway's HTTP API, whose limits nothing can raise, and Lambda's own under it. */
export const gateway = {
  maxBodyBytes: 10 * mib,
  timeoutSeconds: 30,
  /** Requests a second, and at once: what one stage lets through before it answers 429. The bill's upper bound. */
  rateLimit: 200,
  burstLimit: 400,
} as const;

/** A request or answer of one invocation, and an event's, as JSON. */
export const payload = { maxSyncBytes: 6 * mib + 100, maxEventBytes: mib } as const;

/**
 * Memory is what Lambda measures processors by (1,769 MB: one), so these are choices of time above all, with at least twice
 * what `npm run bench:sizes` saw each function take at its heaviest work; /tmp is what the caches are bounded by.
 */
const sizes = {
  /**
   * One processor: a query is one thread's work. At most 550 MB, with a join of all documents in a SQL process, which may put
   * SQL_GATHER_MAX_BYTES on the disk, and what SQLite sorts of it.
   */
  api: { memoryMb: 1769, tmpMb: 3072 },
  /** One processor. 130 MB, and codes of its shards (60 bytes a document of 384 dimensions); /tmp keeps whole shard files. */
  leaf: { memoryMb: 1769, tmpMb: 4096 },
  /** Embeds in one thread and builds shards in another: two processors. 1,450 MB at most, and 1,870 MB of /tmp. */
  ingest: { memoryMb: 3008, tmpMb: 3072 },
  /** A step of a compaction reads COMPACT_STEP_BYTES and writes one shard more: 920 MB, and 650 of /tmp, at the size measured. */
  maintain: { memoryMb: 3008, tmpMb: 4096 },
} as const;

/** A compaction reads each shard once: the disk is for what it reads in one step. */
const maintainCacheMb = 768;

const http = {
  ...sizes.api,
  embeds: true,
  statements: [list, collections, shardMoves, jobs, keys, inboxState, fanOut, longWork],
  environment: {
    ...common,
    ...caches(sizes.api.tmpMb - temporaryMb),
    EMBEDDING_MODEL: "local",
    SQL_PROCESSES: "1",
    MAX_BODY_BYTES: String(gateway.maxBodyBytes),
  },
} as const;

export const functions: Readonly<Record<FunctionName, FunctionSpec>> = {
  api: {
    ...http,
    name: "api",
    file: "functions/api.ts",
    purpose: "the HTTP API behind API Gateway; plans queries and fans them out",
    timeoutSeconds: gateway.timeoutSeconds,
    streams: false,
  },
  stream: {
    ...http,
    name: "stream",
    file: "functions/stream.ts",
    purpose: "the same API by a function URL, whose answers stream",
    timeoutSeconds: 120,
    streams: true,
    /** Nothing in front of it takes a larger request than Lambda does. */
    environment: { ...http.environment, MAX_BODY_BYTES: String(payload.maxSyncBytes) },
  },
  leaf: {
    ...sizes.leaf,
    name: "leaf",
    file: "functions/leaf.ts",
    purpose: "searches the shards that hash to it",
    /** The root gives up on a shard after SHARD_TIMEOUT_MS (5 s); the rest is for the first fetch of a file. */
    timeoutSeconds: 30,
    streams: false,
    embeds: false,
    environment: { ...common, ...caches(sizes.leaf.tmpMb - temporaryMb), EMBEDDING_MODEL: "none", SQL_PROCESSES: "1" },
    statements: [list, { actions: ["s3:GetObject"], on: on.prefix("tenants/"), why: "reads shards, writes nothing" }],
  },
  ingest: {
    ...sizes.ingest,
    name: "ingest",
    file: "functions/ingest.ts",
    purpose: "reads what users drop into inbox/, embeds, writes, folds",
    timeoutSeconds: 900,
    streams: false,
    embeds: true,
    environment: { ...common, ...caches(sizes.ingest.tmpMb - temporaryMb), EMBEDDING_MODEL: "local" },
    statements: [
      list,
      collections,
      jobs,
      {
        actions: ["s3:GetObject", "s3:GetObjectTagging", "s3:DeleteObject"],
        on: on.prefix("inbox/"),
        why: "reads a file, then moves it with its tags",
      },
      { actions: readWrite, on: on.prefix("inbox-state/"), why: "how far a file is, and who reads it" },
      { actions: copyInto, on: on.prefix("processed/"), why: "where files go that were read, beside those of before" },
      { actions: copyInto, on: on.prefix("failed/"), why: "and those that can't be" },
      {
        actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"],
        on: on.queue,
        why: "Lambda fetches the messages in the function's name",
      },
      { actions: ["sqs:SendMessage"], on: on.queue, why: "a file that takes longer than one run goes on in the next" },
    ],
  },
  maintain: {
    ...sizes.maintain,
    name: "maintain",
    file: "functions/maintain.ts",
    purpose: "folds leftovers, compacts, moves shards by policy, deletes what is no longer named",
    timeoutSeconds: 900,
    streams: false,
    embeds: false,
    environment: {
      ...common,
      ...caches(maintainCacheMb),
      EMBEDDING_MODEL: "none",
      COMPACT_STEP_BYTES: bytes((sizes.maintain.tmpMb - maintainCacheMb - temporaryMb) * 0.9),
    },
    statements: [
      list,
      collections,
      jobs,
      shardMoves,
      { actions: ["s3:RestoreObject"], on: on.prefix("tenants/"), why: "shards in Glacier come back on request" },
      { actions: readWrite, on: on.prefix("maintenance/"), why: "whose turn it is" },
      inboxStateEnds,
      { actions: ["sqs:SendMessage"], on: on.queue, why: "files that no event told of are handed on" },
    ],
  },
};

/** Functions that answer for shards: a shard's hash names one of them, so that its disk has the file already. */
export const leafFunctions = { default: 4, most: 64 } as const;

/** Names in an account: `mosaic-production-api`, `mosaic-production-leaf-0`. */
export const deployedName = (app: string, stage: string, name: FunctionName, leaf?: number): string =>
  [app, stage, name, ...(leaf === undefined ? [] : [leaf])].join("-");

/** What is known once the bucket and the queue exist. */
export interface Deployed {
  readonly bucket: string;
  readonly queueUrl: string;
  readonly app: string;
  readonly stage: string;
  readonly leafFunctions: number;
}

const invokes = ({ statements }: FunctionSpec, kind: "leaf" | "maintain"): boolean =>
  statements.some(({ on }) => on.kind === kind);
const sendsToQueue = ({ statements }: FunctionSpec): boolean =>
  statements.some(({ actions }) => actions.includes("sqs:SendMessage"));

/**
 * The whole environment of a function. Roots get `LEAF_FUNCTIONS` (how many), `LEAF_FUNCTION_NAME` (leaf 3 is `<that>-3`) and
 * `MAINTAIN_FUNCTION_NAME`, ingest `INGEST_QUEUE_URL`.
 */
export function environmentOf(spec: FunctionSpec, deployed: Deployed): Record<string, string> {
  const { bucket, queueUrl, app, stage } = deployed;
  return {
    ...spec.environment,
    STORAGE_PATH: `s3://${bucket}`,
    ...(invokes(spec, "maintain") && { MAINTAIN_FUNCTION_NAME: deployedName(app, stage, "maintain") }),
    ...(invokes(spec, "leaf") && {
      LEAF_FUNCTIONS: String(deployed.leafFunctions),
      LEAF_FUNCTION_NAME: deployedName(app, stage, "leaf"),
    }),
    ...(sendsToQueue(spec) && { INGEST_QUEUE_URL: queueUrl }),
  };
}

/** Cheaper by a fifth than x64 and not slower. `npm run build:functions` makes packages for both. */
export const architecture = "arm64";
export type Architecture = "arm64" | "x64";
/** The folder, below the repository's root, that is a function's package; its entry is `index.handler`. */
export const bundleOf = (name: FunctionName, arch: Architecture): string => `dist/functions/${arch}/${name}`;
export const runtime = "nodejs24.x";

/** A file dropped into `inbox/` → a message → `ingest`. S3 filters by the key's beginning only. */
export const inbox = {
  prefix: "inbox/",
  events: ["s3:ObjectCreated:*"],
  function: "ingest",
  /** At least six times the function's timeout, as Lambda asks: a message must not come back while it is worked on. */
  visibilitySeconds: 6 * functions.ingest.timeoutSeconds,
  /** Small files share a run. What a run has no time left for it sends again, rather than let it come back as failed. */
  batchSize: 10,
  /** Runs at once, at most. Writers of one collection share one sequence, so more of them only wait for each other. */
  maxConcurrency: 10,
  /** Handled so often without success, a message goes to the dead-letter queue. */
  maxReceiveCount: 5,
  /** As long as SQS keeps anything: nobody must look at once. */
  retentionSeconds: 14 * 24 * 3600,
  /** The handler names the messages that failed; the others are done. */
  partialFailures: true,
} as const;

export const schedule = { function: "maintain", everyMinutes: 15 } as const;

export const logs = { retentionDays: 30 } as const;

/** Unfinished uploads are the only objects that a lifecycle rule may remove. Shards never expire by age: `gc` decides. */
export const bucket = { abortUploadsAfterDays: 3 } as const;

/** What wakes an operator; docs/guides/operations.md says what to do. A metric is a cost, so there are few. */
export interface AlarmSpec {
  readonly name: string;
  readonly meaning: string;
  readonly namespace: "AWS/Lambda" | "AWS/SQS" | "AWS/ApiGateway";
  readonly metric: string;
  /** Whose metric; `account` is the sum of all functions in the region. `leaf` means one alarm for each. */
  readonly of: FunctionName | "queue" | "dead-letter queue" | "gateway" | "account";
  readonly statistic: "Sum" | "Maximum" | "p99";
  /** Rings at or above it. */
  readonly threshold: number;
  readonly periodSeconds: number;
  /** Periods of those looked at that must be bad. */
  readonly periods: { readonly bad: number; readonly of: number };
}

const errorsOf = (of: FunctionName, threshold: number): AlarmSpec => ({
  name: `${of}-errors`,
  meaning: `${of} ended without an answer: out of memory, out of time, or a fault`,
  namespace: "AWS/Lambda",
  metric: "Errors",
  of,
  statistic: "Sum",
  threshold,
  periodSeconds: 300,
  periods: { bad: 1, of: 1 },
});

/** Nine tenths of what ends it. Ingest and maintain use their time up on purpose and have none. */
const slow = (of: "api" | "stream"): AlarmSpec => ({
  name: `${of}-near-timeout`,
  meaning: `${of} needs nine tenths of its time limit`,
  namespace: "AWS/Lambda",
  metric: "Duration",
  of,
  statistic: "p99",
  threshold: functions[of].timeoutSeconds * 1000 * 0.9,
  periodSeconds: 300,
  periods: { bad: 2, of: 3 },
});

export const alarms: readonly AlarmSpec[] = [
  {
    name: "dead-letters",
    meaning: "files of the inbox that ingest gave up on",
    namespace: "AWS/SQS",
    metric: "ApproximateNumberOfMessagesVisible",
    of: "dead-letter queue",
    statistic: "Maximum",
    threshold: 1,
    periodSeconds: 300,
    periods: { bad: 1, of: 1 },
  },
  {
    name: "ingest-age",
    meaning: "a file has waited two hours in the inbox",
    namespace: "AWS/SQS",
    metric: "ApproximateAgeOfOldestMessage",
    of: "queue",
    statistic: "Maximum",
    threshold: 2 * 3600,
    periodSeconds: 300,
    periods: { bad: 1, of: 1 },
  },
  {
    name: "gateway-5xx",
    meaning: "callers get no answer",
    namespace: "AWS/ApiGateway",
    metric: "5xx",
    of: "gateway",
    statistic: "Sum",
    threshold: 5,
    periodSeconds: 300,
    periods: { bad: 1, of: 1 },
  },
  {
    name: "throttles",
    meaning: "the account's concurrency is used up",
    namespace: "AWS/Lambda",
    metric: "Throttles",
    of: "account",
    statistic: "Sum",
    threshold: 10,
    periodSeconds: 300,
    periods: { bad: 2, of: 3 },
  },
  errorsOf("api", 5),
  errorsOf("stream", 5),
  errorsOf("leaf", 5),
  errorsOf("ingest", 5),
  errorsOf("maintain", 2),
  slow("api"),
  slow("stream"),
];

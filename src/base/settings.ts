import { existsSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { MosaicError } from "./errors.ts";
import type { LogLevel } from "./log.ts";
import { type TenantName, tenantName } from "./names.ts";
import { type ArchiveClass, archiveClasses } from "./storage-classes.ts";

export type KeyRole = "read" | "write" | "admin";
export interface ApiKey {
  readonly key: string;
  readonly tenant: TenantName;
  readonly role: KeyRole;
}

/** Every setting, read once from the environment; each has a default that works. docs/configuration.md lists them. */
export interface Settings {
  /** A folder, or `s3://bucket/prefix`. */
  readonly storagePath: string;
  /** Of a storage folder: where archived files lie, `<archivePath>/<class>/…`; undefined: inside it. */
  readonly archivePath: string | undefined;
  readonly s3Endpoint: string | undefined;
  readonly awsRegion: string | undefined;
  /** AWS is configured by more than credentials and a region: a profile, a file, other endpoints. */
  readonly awsConfigured: boolean;
  readonly port: number;
  readonly host: string;
  /** `local`, `transformers:<id or folder>`, `openai:<model>` or `none`. */
  readonly embeddingModel: string;
  readonly embeddingUrl: string | undefined;
  readonly embeddingApiKey: string | undefined;
  /** Threads that embed; each loads the model (about 120 MB). */
  readonly embeddingThreads: number;
  /** Empty, and without stored keys, means open: no key is asked for. */
  readonly apiKeys: readonly ApiKey[];
  /** Keys that lie hashed in storage are known too, and every call needs one. So in a Lambda function, unless it is said to be open. */
  readonly storedKeys: boolean;
  /** How long a stored key is remembered, and so may outlive its revocation. */
  readonly keyCacheMs: number;
  /** Lets an open server bind more than loopback. */
  readonly allowOpen: boolean;
  readonly maxBodyBytes: number;
  readonly maxBatchDocs: number;
  readonly maxTextBytes: number;
  readonly cachePath: string;
  readonly cacheMaxBytes: number;
  /** Shard files of a bucket up to this size are fetched whole at once. */
  readonly wholeFileBelow: number;
  /** Others are read by range until so many bytes of one were fetched, and whole after that; 0: whole at once. */
  readonly wholeFileAfter: number;
  /** Leaf functions that shards are hashed to, 0: shards are searched in this process; and what they are called, without their number. */
  readonly leafFunctions: number;
  readonly leafFunctionName: string;
  readonly maintainFunctionName: string;
  /** Fewer shards that are not here are read from here; more rows than this are scored by leaf functions. */
  readonly fanOutShards: number;
  readonly fanOutRows: number;
  /** A leaf function that takes longer is asked a second time; 0: it is not. */
  readonly leafHedgeMs: number;
  readonly shardMaxDocs: number;
  readonly shardMaxBytes: number;
  readonly shardTimeoutMs: number;
  /** Threads that scan shards; 0 scans in the calling thread, which suits a process that answers one query. */
  readonly searchThreads: number;
  /** Bytes of vector codes that all search threads together keep in memory. */
  readonly codesMaxBytes: number;
  /** Open read-only connections per search thread. */
  readonly openShards: number;
  /** A shard that was not asked for so long is closed and leaves memory. */
  readonly shardIdleMs: number;
  /** Bytes of shard files that all search threads together map into memory. */
  readonly mmapMaxBytes: number;
  /** Processes that run SQL, at most; and those kept ready. */
  readonly sqlProcesses: number;
  readonly sqlSpares: number;
  /** A statement that runs longer is ended with its process. */
  readonly sqlTimeoutMs: number;
  /** Memory of each, beyond what Node takes. */
  readonly sqlMemoryMaxBytes: number;
  /** What a statement may bring together from all shards, and what it may answer. */
  readonly sqlGatherMaxBytes: number;
  readonly sqlAnswerMaxRows: number;
  readonly sqlAnswerMaxBytes: number;
  /** Memory for which rows fulfil a filter, and for lists of terms. */
  readonly filterCacheMaxBytes: number;
  /** Columns of codes that filters have asked for. */
  readonly filterColumnsMaxBytes: number;
  readonly termsMaxBytes: number;
  /** Bytes of decoded lists of a term's rows that all search threads together keep in memory. */
  readonly postingsMaxBytes: number;
  /** Queries of a collection that this process remembers, to choose shards by under `shard_limit`; 0: none. */
  readonly historyQueries: number;
  /** Fold the tail into shards once it has this many segments, or bytes, or is this old. */
  readonly foldSegments: number;
  readonly foldBytes: number;
  readonly foldIdleMs: number;
  /** Bytes of shards that one step of a compaction reads; its local disk, beside one new shard. */
  readonly compactStepBytes: number;
  /** A server compacts collections by itself, when their shards ask for it. */
  readonly compactAutomatically: boolean;
  /** Writers get 503 while the tail holds more than this. */
  readonly tailMaxBytes: number;
  /** How long objects that the manifest no longer names are kept for readers of older manifests. */
  readonly gcGraceMs: number;
  /** How long older generations can be read, branched off and rolled back to. */
  readonly snapshotKeepMs: number;
  /** Shards whose newest document is as old are archived by policy; 0: none. A collection may say otherwise. */
  readonly archiveAfterDays: number;
  readonly archiveClass: ArchiveClass;
  /** How long the copy stays that a restore makes readable, and how often it is asked whether it is there. */
  readonly restoreCopyDays: number;
  readonly restorePollMs: number;
  /** How often a server looks for shards that its policies say something of. */
  readonly policyIntervalMs: number;
  /** A process that stays looks into the inbox so often; 0: never. */
  readonly inboxPollMs: number;
  /** Files that were written to more recently are left alone by it: they may not be complete. */
  readonly inboxSettleMs: number;
  /** What is fetched of a file at once, and what is stored of it at once. */
  readonly inboxReadBytes: number;
  readonly inboxBatchBytes: number;
  /** Refused documents of a file that are named; the rest is counted. */
  readonly inboxMaxErrors: number;
  /** Where time is limited, reading stops when so much is left. */
  readonly inboxReserveMs: number;
  /** A tenant with nothing to maintain is looked at again after this at the latest, sooner after something was done. */
  readonly maintainQuietMs: number;
  /** A reader of a file that has not been heard of for so long is taken for dead. */
  readonly inboxHoldMs: number;
  /** What is known of files that have gone, and of jobs that are over, is kept for so long; 0: for ever. */
  readonly inboxStateDays: number;
  readonly inboxHandOnMax: number;
  readonly jobsKeepDays: number;
  /** Of a function: the queue that files are handed on by. */
  readonly ingestQueueUrl: string | undefined;
  readonly logLevel: LogLevel;
  readonly otelEndpoint: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

function wrong(variable: string, expected: string): MosaicError {
  return new MosaicError("invalid", "read settings", {
    code: "invalid_setting",
    detail: `${variable} must be ${expected}.`,
    hint: "see docs/configuration.md",
  });
}

function whole(env: Environment, variable: string, fallback: number, least = 1): number {
  const text = env[variable];
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) throw wrong(variable, `a whole number of at least ${least}`);
  return value;
}

const isRole = (role: string): role is KeyRole => role === "read" || role === "write" || role === "admin";

function apiKeys(text: string | undefined): readonly ApiKey[] {
  const pairs = (text ?? "").split(",").map((pair) => pair.trim());
  return pairs.filter(Boolean).map((pair) => {
    const [key = "", rest = ""] = pair.split(/=(.*)/s);
    const [tenant = "", role = "write"] = rest.split(":");
    if (key === "" || tenant === "" || !isRole(role))
      throw wrong("MOSAIC_API_KEYS", "key=tenant[:read|write|admin] pairs");
    return { key, tenant: tenantName(tenant), role };
  });
}

const isFolder = (storagePath = ""): boolean => !storagePath.includes("://");
const allowsOpen = (env: Environment): boolean => env["MOSAIC_ALLOW_OPEN"] === "1";

/** Variables by which AWS's SDKs find other endpoints than a region's own (SDKs and Tools reference guide). */
const awsChoices = [
  "AWS_PROFILE",
  "AWS_ENDPOINT_URL",
  "AWS_ENDPOINT_URL_S3",
  "AWS_USE_FIPS_ENDPOINT",
  "AWS_USE_DUALSTACK_ENDPOINT",
];

/** The shared configuration file can say the same as the variables; in a function there is none. */
function isAwsConfigured(env: Environment): boolean {
  if (awsChoices.some((name) => Boolean(env[name]))) return true;
  return existsSync(env["AWS_CONFIG_FILE"] || join(homedir(), ".aws", "config"));
}

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];

function logLevel(text: string | undefined): LogLevel {
  const level = levels.find((name) => name === (text || "info"));
  if (level === undefined) throw wrong("LOG_LEVEL", levels.join(", "));
  return level;
}

function archiveClass(text: string | undefined): ArchiveClass {
  const found = archiveClasses.find((name) => name === (text || "GLACIER_IR"));
  if (found === undefined) throw wrong("ARCHIVE_CLASS", archiveClasses.join(", "));
  return found;
}

/** Settings from environment variables (by default the process's), overridden by `overrides`. */
export function settingsFrom(overrides: Partial<Settings> = {}, env: Environment = process.env): Settings {
  return Object.freeze({
    storagePath: env["STORAGE_PATH"] || "./data",
    archivePath: env["ARCHIVE_PATH"] || undefined,
    s3Endpoint: env["S3_ENDPOINT"] || undefined,
    awsRegion: env["AWS_REGION"] || undefined,
    awsConfigured: isAwsConfigured(env),
    port: whole(env, "PORT", 4040, 0),
    host: env["HOST"] || "127.0.0.1",
    embeddingModel: env["EMBEDDING_MODEL"] || "local",
    embeddingUrl: env["EMBEDDING_URL"] || undefined,
    embeddingApiKey: env["EMBEDDING_API_KEY"] || undefined,
    embeddingThreads: whole(env, "EMBEDDING_THREADS", 2),
    apiKeys: apiKeys(env["MOSAIC_API_KEYS"]),
    storedKeys: env["MOSAIC_STORED_KEYS"] === "1" || (Boolean(env["AWS_LAMBDA_FUNCTION_NAME"]) && !allowsOpen(env)),
    keyCacheMs: whole(env, "KEY_CACHE_MS", 60_000, 0),
    allowOpen: allowsOpen(env),
    maxBodyBytes: whole(env, "MAX_BODY_BYTES", 16 * 1024 * 1024),
    maxBatchDocs: whole(env, "MAX_BATCH_DOCS", 1000),
    maxTextBytes: whole(env, "MAX_TEXT_BYTES", 1024 * 1024),
    cachePath: env["CACHE_PATH"] || join(tmpdir(), "mosaic-cache"),
    cacheMaxBytes: whole(env, "CACHE_MAX_BYTES", 2 * 1024 ** 3),
    wholeFileBelow: whole(env, "WHOLE_FILE_BELOW", 1024 * 1024, 0),
    wholeFileAfter: whole(env, "WHOLE_FILE_AFTER", 32 * 1024 * 1024, 0),
    leafFunctions: whole(env, "LEAF_FUNCTIONS", 0, 0),
    leafFunctionName: env["LEAF_FUNCTION_NAME"] || "leaf",
    maintainFunctionName: env["MAINTAIN_FUNCTION_NAME"] || "",
    fanOutShards: whole(env, "FAN_OUT_SHARDS", 16),
    fanOutRows: whole(env, "FAN_OUT_ROWS", 500_000, 0),
    leafHedgeMs: whole(env, "LEAF_HEDGE_MS", 1500, 0),
    shardMaxDocs: whole(env, "SHARD_MAX_DOCS", 100_000),
    shardMaxBytes: whole(env, "SHARD_MAX_BYTES", 256 * 1024 * 1024),
    shardTimeoutMs: whole(env, "SHARD_TIMEOUT_MS", 5000),
    searchThreads: whole(env, "SEARCH_THREADS", 2, 0),
    codesMaxBytes: whole(env, "CODES_MAX_BYTES", 512 * 1024 * 1024),
    openShards: whole(env, "OPEN_SHARDS", 64),
    shardIdleMs: whole(env, "SHARD_IDLE_MS", 5 * 60 * 1000),
    mmapMaxBytes: whole(env, "MMAP_MAX_BYTES", 256 * 1024 * 1024, 0),
    sqlProcesses: whole(env, "SQL_PROCESSES", 4),
    sqlSpares: whole(env, "SQL_SPARES", 2, 0),
    sqlTimeoutMs: whole(env, "SQL_TIMEOUT_MS", 10_000),
    sqlMemoryMaxBytes: whole(env, "SQL_MEMORY_MAX_BYTES", 512 * 1024 * 1024),
    sqlGatherMaxBytes: whole(env, "SQL_GATHER_MAX_BYTES", 256 * 1024 * 1024),
    sqlAnswerMaxRows: whole(env, "SQL_ANSWER_MAX_ROWS", 100_000),
    sqlAnswerMaxBytes: whole(env, "SQL_ANSWER_MAX_BYTES", 64 * 1024 * 1024),
    filterCacheMaxBytes: whole(env, "FILTER_CACHE_MAX_BYTES", 32 * 1024 * 1024),
    filterColumnsMaxBytes: whole(env, "FILTER_COLUMNS_MAX_BYTES", 128 * 1024 * 1024),
    termsMaxBytes: whole(env, "TERMS_MAX_BYTES", 64 * 1024 * 1024),
    postingsMaxBytes: whole(env, "POSTINGS_MAX_BYTES", 128 * 1024 * 1024),
    historyQueries: whole(env, "HISTORY_QUERIES", 256, 0),
    foldSegments: whole(env, "FOLD_SEGMENTS", 32),
    foldBytes: whole(env, "FOLD_BYTES", 4 * 1024 * 1024),
    foldIdleMs: whole(env, "FOLD_IDLE_MS", 5000, 0),
    compactStepBytes: whole(env, "COMPACT_STEP_BYTES", 4 * 1024 ** 3),
    compactAutomatically: env["COMPACT_AUTOMATICALLY"] !== "0",
    tailMaxBytes: whole(env, "TAIL_MAX_BYTES", 64 * 1024 * 1024),
    gcGraceMs: whole(env, "GC_GRACE_MS", 15 * 60 * 1000, 0),
    snapshotKeepMs: whole(env, "SNAPSHOT_KEEP_MS", 60 * 60 * 1000, 0),
    archiveAfterDays: whole(env, "ARCHIVE_AFTER_DAYS", 0, 0),
    archiveClass: archiveClass(env["ARCHIVE_CLASS"]),
    restoreCopyDays: whole(env, "RESTORE_COPY_DAYS", 7),
    restorePollMs: whole(env, "RESTORE_POLL_MS", 5 * 60 * 1000),
    policyIntervalMs: whole(env, "POLICY_INTERVAL_MS", 60 * 60 * 1000),
    inboxPollMs: whole(env, "INBOX_POLL_MS", isFolder(overrides.storagePath ?? env["STORAGE_PATH"]) ? 2000 : 0, 0),
    inboxSettleMs: whole(env, "INBOX_SETTLE_MS", 2000, 0),
    inboxReadBytes: whole(env, "INBOX_READ_BYTES", 8 * 1024 * 1024),
    inboxBatchBytes: whole(env, "INBOX_BATCH_BYTES", 4 * 1024 * 1024),
    inboxMaxErrors: whole(env, "INBOX_MAX_ERRORS", 1000),
    inboxHoldMs: whole(env, "INBOX_HOLD_MS", 60_000),
    inboxStateDays: whole(env, "INBOX_STATE_DAYS", 30, 0),
    inboxHandOnMax: whole(env, "INBOX_HAND_ON_MAX", 1000),
    jobsKeepDays: whole(env, "JOBS_KEEP_DAYS", 30, 0),
    ingestQueueUrl: env["INGEST_QUEUE_URL"] || undefined,
    inboxReserveMs: whole(env, "INBOX_RESERVE_MS", 60_000, 0),
    maintainQuietMs: whole(env, "MAINTAIN_QUIET_MS", 24 * 60 * 60 * 1000, 0),
    logLevel: logLevel(env["LOG_LEVEL"]),
    otelEndpoint: env["OTEL_EXPORTER_OTLP_ENDPOINT"] || undefined,
    ...overrides,
  });
}

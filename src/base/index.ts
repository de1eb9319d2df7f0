/**
 * base: what every room stands on.
 * Answers: what time is it, what is random, what is a valid name, which settings hold, how does an error look?
 * Owns: the only access to clock, timers, randomness and environment variables.
 * Never: knows of documents, storage or HTTP.
 */
export { onAskerGone, stillAsked, whileAsked } from "./asker.ts";
export {
  type Clock,
  epochMsOf,
  formatTimestamp,
  httpDateMs,
  parseTimestamp,
  startedAtMs,
  systemClock,
  waitAtMost,
} from "./clock.ts";
export { sha256, sha256OfFile, sha256OfFileSync } from "./digest.ts";
export {
  asMosaicError,
  deserializeError,
  type ErrorContext,
  type ErrorKind,
  isMosaicError,
  MosaicError,
  type SerializedError,
  serializeError,
} from "./errors.ts";
export { errorFields, jsonLogger, type LogFields, type Logger, type LogLevel, silentLogger } from "./log.ts";
export {
  type CollectionName,
  collectionName,
  collectionPrefix,
  type DocumentId,
  documentId,
  maxDimensions,
  maxIdBytes,
  maxMetadataDepth,
  type Scope,
  type ShardId,
  scopeOf,
  type TenantName,
  tenantName,
} from "./names.ts";
export { nearest } from "./nearest.ts";
export { packageRoot, packageVersion } from "./package-root.ts";
export { patiently } from "./patience.ts";
export { hasEnded, processOwner } from "./process-owner.ts";
export { type Random, seededRandom, systemRandom } from "./random.ts";
export { notice, serveJobs } from "./serve-jobs.ts";
export { type ApiKey, type KeyRole, type Settings, settingsFrom } from "./settings.ts";
export { type ArchiveClass, archiveClasses, type RestoreSpeed, restoreSpeeds } from "./storage-classes.ts";
export { WorkerClient } from "./worker-client.ts";
export { workerUrl } from "./worker-url.ts";

/** What statements may use, together and each. */
export interface RunLimits {
  /** Longest text or blob that a statement may make. */
  readonly valueMaxBytes: number;
  /** Memory of a process beyond what Node itself takes; held by the kernel where it knows `ulimit -d`. */
  readonly memoryMaxBytes: number;
  /** Rows and bytes that leaves may gather for the root, all together. */
  readonly gatherMaxRows: number;
  readonly gatherMaxBytes: number;
  /** What leaves may gather in memory; more goes through a file. */
  readonly memoryPartMaxBytes: number;
  /** Rows and bytes of an answer. */
  readonly answerMaxRows: number;
  readonly answerMaxBytes: number;
  /** LIKE and GLOB patterns. */
  readonly patternMaxBytes: number;
}

const MiB = 1024 * 1024;

export const runLimits: RunLimits = {
  valueMaxBytes: 16 * MiB,
  memoryMaxBytes: 512 * MiB,
  gatherMaxRows: 2_000_000,
  gatherMaxBytes: 256 * MiB,
  memoryPartMaxBytes: 16 * MiB,
  answerMaxRows: 100_000,
  answerMaxBytes: 64 * MiB,
  patternMaxBytes: 1000,
};

/** Address space for data that Node 24 reserves before it runs a line of ours. */
export const nodeReservesBytes = 600 * MiB;

import { readFileSync } from "node:fs";

export interface Memory {
  readonly residentBytes: number;
  /** Without pages of files, which the kernel may take back: what counts against a limit. */
  readonly ownBytes: number;
}

/** Memory of a process and everything it has started; of one that has ended, nothing. Linux only: elsewhere it is 0. */
export function memoryOf(pid: number): Memory {
  const own = statusOf(pid);
  return childrenOf(pid)
    .map(memoryOf)
    .reduce(
      (sum, each) => ({
        residentBytes: sum.residentBytes + each.residentBytes,
        ownBytes: sum.ownBytes + each.ownBytes,
      }),
      own,
    );
}

function statusOf(pid: number): Memory {
  const status = read(`/proc/${pid}/status`);
  const bytes = (field: string): number =>
    1024 * Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return { residentBytes: bytes("VmRSS"), ownBytes: bytes("RssAnon") + bytes("RssShmem") };
}

/** Ticks of processor time a second, on every Linux of today. */
const ticksPerSecond = 100;

/** Processor time that a process has used, in user mode and in the kernel. */
export function processorMsOf(pid: number): number {
  // Its name, in parentheses, may hold blanks.
  const fields = read(`/proc/${pid}/stat`).split(") ")[1]?.split(" ") ?? [];
  return ((Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 1000) / ticksPerSecond;
}

const childrenOf = (pid: number): readonly number[] =>
  read(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

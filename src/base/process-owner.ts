import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { sha256 } from "./digest.ts";

const orEmpty = (read: () => string): string => {
  try {
    return read();
  } catch {
    return ""; // not Linux
  }
};

/** Names the table that this process's number belongs to: in another container or after a restart it means another. */
const table = sha256(
  [
    hostname(),
    orEmpty(() => readlinkSync("/proc/self/ns/pid")),
    orEmpty(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")),
  ].join(" "),
).slice(0, 12);

/** This process, in a file's name. */
export const processOwner = `${process.pid}-${table}`;

/** True only when the owner is known to have ended. */
export function hasEnded(owner: string): boolean {
  const [pid, itsTable] = owner.split("-");
  if (itsTable !== table) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { deserializeError, MosaicError, workerUrl } from "../../base/index.ts";
import { tooLarge } from "../language/errors.ts";
import { nodeReservesBytes } from "./limits.ts";
import type { Job, JobOf, Replies, Reply } from "./messages.ts";
import type { ProcessData } from "./sql-worker.ts";

/**
 * The kernel refuses memory beyond the bound, and SQLite reports it as any other failure of a statement. A statement can't
 * notice that its parent is gone, so the kernel ends the process with it where `setpriv` can ask for that; anywhere else
 * an hour of computing does.
 */
const bounded = `ulimit -d "$0" 2>/dev/null; ulimit -t 3600 2>/dev/null
if command -v setpriv >/dev/null 2>&1; then exec setpriv --pdeathsig KILL -- "$@"; fi
exec "$@"`;

interface Waiting {
  readonly resolve: (reply: Replies[keyof Replies]) => void;
  readonly reject: (error: unknown) => void;
}

/** One process that runs SQL. It does one job at a time, and can be killed at any moment. */
export class SqlProcess {
  /** Resolves when it can take a job, or never will. */
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;
  #waiting: Waiting | undefined;
  #gone = false;
  #killed = false;

  constructor(data: ProcessData, onGone: (process: SqlProcess) => void) {
    const kiB = Math.ceil((nodeReservesBytes + data.limits.memoryMaxBytes) / 1024);
    const entry = fileURLToPath(workerUrl(import.meta.url, "sql-worker"));
    const command = [process.execPath, "--no-warnings", entry, JSON.stringify(data)];
    this.#child = spawn("/bin/sh", ["-c", bounded, String(kiB), ...command], {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      serialization: "advanced",
      // Local time is UTC, whatever the server's clock shows; nothing of its environment is anybody's business.
      env: { TZ: "UTC", PATH: "/usr/bin:/bin" },
    });
    this.#child.on("message", (message: Reply | "ready") => this.#settle(message));
    this.ready = new Promise((resolve) => {
      this.#child.once("message", () => resolve());
      this.#child.once("error", () => resolve());
      this.#child.once("exit", () => resolve());
    });
    this.#child.on("error", () => this.#end(onGone));
    this.#child.on("exit", () => this.#end(onGone));
  }

  get killed(): boolean {
    return this.#killed;
  }

  get gone(): boolean {
    return this.#gone;
  }

  ask<Kind extends Job["kind"]>(job: JobOf<Kind>): Promise<Replies[Kind]> {
    return new Promise((resolve, reject) => {
      if (this.#gone) return reject(couldNotStart());
      this.#waiting = { resolve: resolve as Waiting["resolve"], reject };
      this.#child.ref();
      this.#child.channel?.ref();
      this.#child.send(job, (error) => {
        if (error !== null) this.kill(error);
      });
    });
  }

  /** Ends the process at once; what it owed fails with `reason`. */
  kill(reason: unknown): void {
    this.#killed = true;
    this.#fail(reason);
    this.#child.kill("SIGKILL");
  }

  /** An idle process does not keep its parent alive. */
  #rest(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }

  #settle(message: Reply | "ready"): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#rest();
    if (message === "ready") return;
    if ("result" in message) waiting?.resolve(message.result);
    else waiting?.reject(deserializeError(message.error));
  }

  #end(onGone: (process: SqlProcess) => void): void {
    if (this.#gone) return;
    this.#gone = true;
    // Nobody killed it: the kernel did, for its memory, or Node gave up for want of it.
    this.#fail(tooLarge("The query needs more memory than it may use."));
    onGone(this);
  }

  #fail(reason: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(reason);
  }
}

const couldNotStart = (): MosaicError =>
  new MosaicError("unavailable", "run SQL", {
    code: "worker_stopped",
    detail: "A process for SQL ended before it began; try again.",
    hint: "does SQL_MEMORY_MAX_BYTES leave Node enough?",
  });

export const closing = (): MosaicError =>
  new MosaicError("unavailable", "run SQL", { code: "closed", detail: "The engine is closing." });

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/base/index.ts";
import { diskBytesOf } from "./folder-use.ts";
import { type FunctionSpec, limits } from "./function-spec.ts";
import { fault, faultOf, type Invocation, type InvocationReport, type Outcome } from "./invocation.ts";
import { memoryOf, processorMsOf } from "./process-use.ts";
import { RuntimeApi } from "./runtime-api.ts";

const runtimeClient = createRequire(import.meta.url).resolve("aws-lambda-ric");
const rapidClient = join(import.meta.dirname, "rapid-client.cjs");
const memoryLookMs = 50;
/** Looks at memory for each look at the disk, which takes longer. */
const looksPerDiskLook = 20;
const mostLogBytes = 256 * 1024;

interface Running {
  readonly invocation: Invocation;
  readonly startedMs: number;
  readonly done: (outcome: Outcome) => void;
  readonly cancelTimeout: () => void;
}

/** One execution environment: a process with AWS's runtime client in it, a `/tmp` of its own, and one call at a time. */
export class Environment {
  readonly spec: FunctionSpec;
  /** Resolves when it waits for its first call, or has ended instead. */
  readonly ready: Promise<void>;
  #initMs = 0;
  #initProcessorMs = 0;
  #used = false;
  #ended = false;
  /** It was ended, though its process may not know yet. */
  #doomed = false;
  #child: ChildProcess | undefined;
  #running: Running | undefined;
  #initError: Buffer | undefined;
  #maxResidentBytes = 0;
  #maxTmpBytes = 0;
  #looks = 0;
  #outOfMemory = false;
  #cancelLook: () => void = () => undefined;
  #log = "";
  readonly #api: RuntimeApi;
  readonly #folder: string;
  readonly #startedMs = systemClock.monotonicMs();
  readonly #settleReady: () => void;
  readonly #onEnd: (environment: Environment) => void;
  readonly #onLog: (name: string, text: string) => void;

  constructor(
    spec: FunctionSpec,
    onEnd: (environment: Environment) => void,
    onLog: (name: string, text: string) => void,
  ) {
    this.spec = spec;
    this.#onEnd = onEnd;
    this.#onLog = onLog;
    this.#folder = mkdtempSync(join(tmpdir(), `mosaic-lambda-${spec.name}-`));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#settleReady = resolve;
    this.#api = new RuntimeApi({
      onNext: () => this.#waits(),
      onAnswer: (id, body) => this.#settle(id, answerOf(body)),
      onError: (id, body) => this.#settle(id, faultOf(body)),
      onInitError: (body) => {
        this.#initError = body;
      },
      onStream: (id, answer) => this.#stream(id, answer),
    });
    this.#start().catch((error: unknown) => this.#end(String(error)));
  }

  get ended(): boolean {
    return this.#ended || this.#doomed;
  }
  get busy(): boolean {
    return this.#running !== undefined;
  }
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Runs one call. It must be ready and without another. */
  async run(invocation: Invocation): Promise<{ outcome: Outcome; report: InvocationReport }> {
    const cold = !this.#used;
    this.#used = true;
    const startedMs = systemClock.monotonicMs();
    const outcome = this.#ended ? this.#startFault() : await this.#deliver(invocation, startedMs);
    this.#lookAtMemory();
    this.#lookAtDisk();
    const tooMuch = this.#outOfMemory && outcome.kind !== "fault";
    const log = this.#log;
    this.#log = "";
    return {
      outcome: tooMuch ? fault("Runtime.OutOfMemory", "Error: Runtime exited with error: signal: killed") : outcome,
      report: {
        functionName: this.spec.name,
        cold,
        initMs: cold ? this.#initMs : 0,
        initProcessorMs: cold ? this.#initProcessorMs : 0,
        durationMs: systemClock.monotonicMs() - startedMs,
        maxResidentMb: this.#maxResidentBytes / 1024 ** 2,
        maxTmpMb: this.#maxTmpBytes / 1024 ** 2,
        log,
      },
    };
  }

  /** Ends it at once, as a machine that fails would. */
  kill(): void {
    const { pid } = this;
    this.#doomed = true;
    if (pid === undefined || this.#ended) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended, and its end is about to be told.
    }
  }

  async #start(): Promise<void> {
    const address = await this.#api.listen();
    const { memoryMb, folder, handler } = this.spec;
    const args = [
      `--max-old-space-size=${Math.floor(memoryMb * 0.9)}`,
      "--require",
      rapidClient,
      runtimeClient,
      handler,
    ];
    this.#child = spawn(process.execPath, args, {
      cwd: folder,
      env: this.#variables(address),
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that its children end with it.
      detached: true,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on("data", (chunk: Buffer) => this.#note(chunk.toString()));
    this.#child.once("error", (error) => this.#end(error.message));
    this.#child.once("exit", (code, signal) => this.#end(exitReason(code, signal)));
    if (this.#doomed) this.kill();
    this.#watchMemory();
  }

  #variables(address: string): Record<string, string> {
    const { name, folder, handler, memoryMb, environment } = this.spec;
    return {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      LANG: "en_US.UTF-8",
      TZ: ":UTC",
      TMPDIR: this.#folder,
      AWS_REGION: "us-east-1",
      AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
      AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
      AWS_LAMBDA_LOG_STREAM_NAME: this.#folder.slice(this.#folder.lastIndexOf("/") + 1),
      AWS_LAMBDA_RUNTIME_API: address,
      LAMBDA_TASK_ROOT: folder,
      _HANDLER: handler,
      ...Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, this.#inOwnTmp(value)])),
    };
  }

  /** What is `/tmp` to the function is a folder of this environment's own here. */
  #inOwnTmp(value: string): string {
    return value.startsWith("/tmp/") ? join(this.#folder, value.slice("/tmp/".length)) : value;
  }

  #waits(): void {
    if (this.#initMs === 0) {
      this.#initMs = systemClock.monotonicMs() - this.#startedMs;
      this.#initProcessorMs = processorMsOf(this.pid ?? 0);
    }
    this.#settleReady();
  }

  #deliver(invocation: Invocation, startedMs: number): Promise<Outcome> {
    const { name, timeoutS } = this.spec;
    return new Promise((done) => {
      const cancelTimeout = systemClock.schedule(timeoutS * 1000, () => this.#tooLong(invocation.id));
      this.#running = { invocation, startedMs, done, cancelTimeout };
      this.#api.deliver(invocation.payload, {
        "lambda-runtime-aws-request-id": invocation.id,
        "lambda-runtime-deadline-ms": String(systemClock.now() + timeoutS * 1000),
        "lambda-runtime-invoked-function-arn": `arn:aws:lambda:us-east-1:123456789012:function:${name}`,
        "lambda-runtime-trace-id": `Root=1-00000000-${invocation.id.replaceAll("-", "").slice(0, 24)};Sampled=0`,
      });
    });
  }

  #tooLong(id: string): void {
    const seconds = this.spec.timeoutS.toFixed(2);
    this.kill();
    this.#settle(id, fault("Sandbox.Timedout", `RequestId: ${id} Error: Task timed out after ${seconds} seconds`));
  }

  #stream(id: string, answer: IncomingMessage): void {
    const running = this.#running;
    if (running?.invocation.id !== id) return void answer.resume();
    answer.once("close", () => this.#settle(id, { kind: "streamed" }));
    if (running.invocation.onStream === undefined) answer.resume();
    else running.invocation.onStream(answer);
  }

  #settle(id: string, outcome: Outcome): void {
    const running = this.#running;
    if (running?.invocation.id !== id) return;
    this.#running = undefined;
    running.cancelTimeout();
    running.done(outcome);
  }

  #startFault(): Outcome {
    return this.#initError === undefined
      ? fault("Runtime.ExitError", `Error: Runtime exited during init: ${this.#log.slice(-1000)}`)
      : faultOf(this.#initError);
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelLook();
    this.#api.close();
    rmSync(this.#folder, { recursive: true, force: true });
    this.#settleReady();
    const id = this.#running?.invocation.id;
    const errorType = this.#outOfMemory ? "Runtime.OutOfMemory" : "Runtime.ExitError";
    if (id !== undefined) this.#settle(id, fault(errorType, `RequestId: ${id} Error: Runtime exited ${reason}`));
    this.#onEnd(this);
  }

  #watchMemory(): void {
    this.#cancelLook = systemClock.schedule(memoryLookMs, () => {
      this.#lookAtMemory();
      if (++this.#looks % looksPerDiskLook === 0) this.#lookAtDisk();
      if (!this.#ended) this.#watchMemory();
    });
  }

  #lookAtMemory(): void {
    const { pid } = this;
    if (pid === undefined || this.#ended) return;
    const { residentBytes, ownBytes } = memoryOf(pid);
    this.#maxResidentBytes = Math.max(this.#maxResidentBytes, residentBytes);
    if (ownBytes <= this.spec.memoryMb * 1024 ** 2) return;
    this.#outOfMemory = true;
    this.kill();
  }

  #lookAtDisk(): void {
    if (!this.#ended) this.#maxTmpBytes = Math.max(this.#maxTmpBytes, diskBytesOf(this.#folder));
  }

  #note(text: string): void {
    this.#log = (this.#log + text).slice(-mostLogBytes);
    this.#onLog(this.spec.name, text);
  }
}

function answerOf(body: Buffer): Outcome {
  if (body.length <= limits.syncBytes) return { kind: "answer", body };
  return fault(
    "Function.ResponseSizeTooLarge",
    `Response payload size (${body.length} bytes) exceeded maximum allowed payload size (${limits.syncBytes} bytes).`,
  );
}

function exitReason(code: number | null, signal: string | null): string {
  if (signal !== null) return `with error: signal: ${signal === "SIGKILL" ? "killed" : signal}`;
  return code === 0 ? "without providing a reason" : `with error: exit status ${code}`;
}

import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { MosaicError } from "../../../src/base/index.ts";
import { Environment } from "./environment.ts";
import type { FunctionSpec } from "./function-spec.ts";
import type { InvocationReport, Invoked } from "./invocation.ts";

export interface LocalLambdaOptions {
  readonly functions: readonly FunctionSpec[];
  /** Calls that run at once in the account; one more is refused with 429. */
  readonly accountConcurrency?: number;
  /** Told of everything that functions print. */
  readonly onLog?: (functionName: string, text: string) => void;
  /** Told of every call that ran. */
  readonly onReport?: (report: InvocationReport) => void;
}

/** What becomes of a call. */
export type Fate = "run" | "throttle" | "kill";

/** Functions by name, each with as many environments as calls came at once: started when there is none idle, kept after. */
export class LocalLambda {
  readonly #specs: Map<string, FunctionSpec>;
  readonly #environments = new Set<Environment>();
  readonly #idle = new Map<string, Environment[]>();
  readonly #runningOf = new Map<string, number>();
  readonly #options: LocalLambdaOptions;
  #running = 0;
  #closed = false;
  #throttled = 0;
  readonly #ends = new Set<Promise<void>>();
  /** Is asked before each call, for tests: they hold some, have them refused, or killed in the middle. */
  gate: ((functionName: string, payload: Buffer) => Promise<Fate> | Fate) | undefined;

  constructor(options: LocalLambdaOptions) {
    this.#options = options;
    this.#specs = new Map(options.functions.map((spec) => [spec.name, spec]));
  }

  get names(): readonly string[] {
    return [...this.#specs.keys()];
  }
  /** Calls that were refused for being too many. */
  get throttled(): number {
    return this.#throttled;
  }

  async invoke(name: string, payload: Buffer, onStream?: (answer: IncomingMessage) => void): Promise<Invoked> {
    const spec = this.#specs.get(name);
    if (spec === undefined || this.#closed) return notThere(name);
    const fate = await this.gate?.(name, payload);
    if (fate === "throttle" || this.#isFull(spec)) return this.#tooMany();
    this.#count(name, 1);
    try {
      const environment = this.#idle.get(name)?.pop() ?? this.#start(spec);
      await environment.ready;
      const stream = onStream === undefined ? {} : { onStream };
      const running = environment.run({ id: randomUUID(), payload, ...stream });
      if (fate === "kill") environment.kill();
      const { outcome, report } = await running;
      if (!environment.ended && !this.#closed) this.#rest(environment);
      this.#options.onReport?.(report);
      return { outcome, report };
    } finally {
      this.#count(name, -1);
    }
  }

  /** Changes a function; its environments end, and the next call finds new ones. */
  configure(name: string, changes: Partial<Omit<FunctionSpec, "name">>): void {
    const spec = this.#specs.get(name);
    if (spec !== undefined) this.#specs.set(name, { ...spec, ...changes });
    this.kill(name);
  }

  /** Ends a function's environments, those that work too. Returns how many. */
  kill(name: string): number {
    const victims = [...this.#environments].filter(({ spec }) => spec.name === name);
    this.#idle.delete(name);
    for (const environment of victims) environment.kill();
    return victims.length;
  }

  /** Calls that are under way of the functions that `which` names. */
  running(which: (functionName: string) => boolean): number {
    return [...this.#runningOf].reduce((sum, [name, count]) => (which(name) ? sum + count : sum), 0);
  }

  /** Environments that are there, and how many of them work. */
  environments(name: string): { readonly total: number; readonly busy: number } {
    const all = [...this.#environments].filter(({ spec }) => spec.name === name);
    return { total: all.length, busy: all.filter(({ busy }) => busy).length };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const environment of this.#environments) {
      await environment.ready;
      environment.kill();
    }
    await Promise.all(this.#ends);
  }

  #start(spec: FunctionSpec): Environment {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ends.add(promise);
    const onEnd = (environment: Environment): void => {
      this.#environments.delete(environment);
      const idle = this.#idle.get(spec.name) ?? [];
      if (idle.includes(environment)) idle.splice(idle.indexOf(environment), 1);
      this.#ends.delete(promise);
      resolve();
    };
    const environment = new Environment(spec, onEnd, (name, text) => this.#options.onLog?.(name, text));
    this.#environments.add(environment);
    return environment;
  }

  #rest(environment: Environment): void {
    const { name } = environment.spec;
    const idle = this.#idle.get(name) ?? [];
    this.#idle.set(name, idle);
    idle.push(environment);
  }

  #isFull({ name, reservedConcurrency }: FunctionSpec): boolean {
    const { accountConcurrency = 1000 } = this.#options;
    return (
      this.#running >= accountConcurrency ||
      (this.#runningOf.get(name) ?? 0) >= (reservedConcurrency ?? Number.POSITIVE_INFINITY)
    );
  }

  #tooMany(): Invoked {
    this.#throttled++;
    const message = "Rate Exceeded.";
    return { outcome: { kind: "refused", status: 429, errorType: "TooManyRequestsException", message } };
  }

  #count(name: string, change: 1 | -1): void {
    this.#running += change;
    this.#runningOf.set(name, (this.#runningOf.get(name) ?? 0) + change);
  }
}

function notThere(name: string): Invoked {
  const message = `Function not found: ${name}`;
  return { outcome: { kind: "refused", status: 404, errorType: "ResourceNotFoundException", message } };
}

/** The answer's JSON. Throws `internal` with what went wrong instead. */
export function answerJson({ outcome }: Invoked): unknown {
  if (outcome.kind === "answer") return JSON.parse(outcome.body.toString()) as unknown;
  const detail = outcome.kind === "fault" ? outcome.body.toString() : `the call was ${outcome.kind}`;
  throw new MosaicError("internal", "invoke function", { detail });
}

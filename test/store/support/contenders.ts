import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Order, Place } from "./contender.ts";

const script = join(import.meta.dirname, "contender.ts");

/** A process of its own that contends for objects: see `contender.ts`. */
export class Contender {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(place: Place): Promise<Contender> {
    const child = fork(script, [JSON.stringify(place)], { execArgv: [] });
    await once(child, "message");
    return new Contender(child);
  }

  tell(order: Order): void {
    this.#child.send(order);
  }

  async ask<T>(order: Order): Promise<T> {
    const answer = once(this.#child, "message") as Promise<[T]>;
    this.tell(order);
    return (await answer)[0];
  }

  async kill(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}

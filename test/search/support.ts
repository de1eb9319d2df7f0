import type { GetOptions, GetResult, ListOptions, ObjectInfo } from "../../src/store/index.ts";
import { MemoryStore } from "../../src/store/index.ts";
import { PassingStore } from "../engine/support/stores.ts";

/**
 * A store in memory that counts rounds: a request belongs to the round after the last one that had answered when it was
 * made. Each takes until this process has nothing else to do: what it can ask without an answer is one round, however
 * busy the machine. So leaves must run in the calling thread.
 */
export class RoundsStore extends PassingStore {
  rounds = 0;
  requests: { readonly call: string; readonly key: string; readonly bytes: number; readonly round: number }[] = [];
  #underWay = 0;

  constructor(inner: MemoryStore = new MemoryStore()) {
    super(inner);
  }

  begin(): void {
    this.rounds = 0;
    this.requests = [];
  }
  get bytes(): number {
    return this.requests.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  override get(key: string, options?: GetOptions): Promise<GetResult> {
    const got = this.#counted("get", key, () => super.get(key, options), bytesOf);
    return got;
  }
  override download(key: string, path: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
    return this.#counted(
      "download",
      key,
      () => super.download(key, path, signal),
      (info) => info?.sizeBytes ?? 0,
    );
  }
  override async *list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo> {
    const found = await this.#counted(
      "list",
      prefix,
      () => all(super.list(prefix, options)),
      () => 0,
    );
    yield* found;
  }

  async #counted<T>(call: string, key: string, task: () => Promise<T>, bytes: (result: T) => number): Promise<T> {
    if (this.#underWay++ === 0) this.rounds++;
    const round = this.rounds;
    try {
      await nothingElseToDo();
      const result = await task();
      this.requests.push({ call, key, bytes: bytes(result), round });
      return result;
    } finally {
      this.#underWay--;
    }
  }
}

const calmTurns = 10;

/** Resolves when the event loop has turned a few times without work on files. */
async function nothingElseToDo(): Promise<void> {
  for (let calm = 0; calm < calmTurns; calm++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (process.getActiveResourcesInfo().some((name) => name.includes("Req"))) calm = 0;
  }
}

const bytesOf = (got: GetResult): number => (got.status === "found" ? got.bytes.length : 0);

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

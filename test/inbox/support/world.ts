import { type Clock, silentLogger } from "../../../src/base/index.ts";
import { Inbox, type InboxSettings, type Sink } from "../../../src/inbox/index.ts";
import { MemoryStore, type ObjectStore } from "../../../src/store/index.ts";
import { TestClock, testRandom } from "../../engine/support/clock.ts";

export const inboxSettings: InboxSettings = {
  inboxReadBytes: 64,
  inboxBatchBytes: 200,
  maxBatchDocs: 4,
  maxBodyBytes: 1000,
  maxTextBytes: 500,
  inboxMaxErrors: 5,
  inboxReserveMs: 1000,
  inboxHoldMs: 60_000,
  inboxStateDays: 30,
  inboxHandOnMax: 1000,
};

type Stored = { readonly id: string; readonly text: string };

/** Keeps documents in a map, and how often each was stored; refuses a text "bad". */
export class MemorySink implements Sink {
  readonly documents = new Map<string, Map<string, Stored>>();
  folds = 0;
  puts = 0;
  before: () => Promise<void> | void = () => {};

  async putMany(scope: { tenant: string; collection: string }, documents: readonly unknown[]) {
    await this.before();
    this.puts++;
    const name = `${scope.tenant}/${scope.collection}`;
    const kept = this.documents.get(name) ?? new Map<string, Stored>();
    this.documents.set(name, kept);
    const errors = documents.flatMap((document, index) => {
      const { id, text } = document as Stored;
      if (text === "bad") return [{ index, id, code: "empty_text", detail: "bad" }];
      kept.set(id, document as Stored);
      return [];
    });
    return { accepted: documents.length - errors.length, errors };
  }
  async fold(): Promise<void> {
    await this.before();
    this.folds++;
  }

  texts(name = "acme/docs"): string[] {
    return [...(this.documents.get(name)?.values() ?? [])].map(({ text }) => text).sort();
  }
}

export interface World {
  readonly clock: TestClock;
  readonly store: MemoryStore;
  readonly sink: MemorySink;
  readonly inbox: Inbox;
  /** Another process on the same storage, or on a faulty way to it. */
  another(settings?: Partial<InboxSettings>, store?: ObjectStore, sink?: Sink): Inbox;
  drop(name: string, content: string | Uint8Array): Promise<string>;
  keys(prefix?: string): Promise<string[]>;
  json(key: string): Promise<Record<string, unknown>>;
}

let seed = 0;

export function world(): World {
  const clock = new TestClock();
  const store = new MemoryStore(clock);
  const sink = new MemorySink();
  const another: World["another"] = (settings = {}, through = store, into = sink) =>
    new Inbox({
      store: through,
      clock: clock as Clock,
      random: testRandom(++seed),
      logger: silentLogger,
      sink: into,
      settings: { ...inboxSettings, ...settings },
    });
  return {
    clock,
    store,
    sink,
    inbox: another(),
    another,
    drop: async (name, content) => {
      const key = `inbox/${name}`;
      await store.put(key, Buffer.from(content));
      return key;
    },
    keys: async (prefix = "") => {
      const found = (await Array.fromAsync(store.list(prefix))).map(({ key }) => key);
      return found.filter((key) => prefix !== "" || !key.startsWith("inbox-state/"));
    },
    json: async (key) => {
      const got = await store.get(key);
      return got.status === "found" ? JSON.parse(Buffer.from(got.bytes).toString()) : {};
    },
  };
}

/** Lines of NDJSON without ids: `first`, … */
export const lines = (count: number, from = 1): string =>
  Array.from({ length: count }, (_, at) => `${JSON.stringify({ text: `text ${from + at}` })}\n`).join("");
export const textsOf = (count: number, from = 1): string[] =>
  Array.from({ length: count }, (_, at) => `text ${from + at}`).sort();

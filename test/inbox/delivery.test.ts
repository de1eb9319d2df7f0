import fc from "fast-check";
import { expect, test } from "vitest";
import type { ObjectStore } from "../../src/store/index.ts";
import { PassingStore } from "../engine/support/stores.ts";
import { lines, textsOf, type World, world } from "./support/world.ts";

/** Events of a day: which file each tells of, who hears it, and after how many requests that one dies, if it does. */
interface Event {
  readonly file: number;
  readonly together: boolean;
  readonly diesAfter: number | null;
}
const files = 3;
const events = fc.array(
  fc.record<Event>({
    file: fc.nat(files - 1),
    together: fc.boolean(),
    diesAfter: fc.option(fc.nat(20)),
  }),
  { minLength: 3, maxLength: 12 },
);

class Dying extends PassingStore {
  #left: number;
  constructor(inner: ObjectStore, left: number) {
    super(inner);
    this.#left = left;
  }
  #check(): void {
    if (this.#left-- <= 0) throw new Error("killed");
  }
  override async get(...args: Parameters<ObjectStore["get"]>): ReturnType<ObjectStore["get"]> {
    this.#check();
    return await super.get(...args);
  }
  override async put(...args: Parameters<ObjectStore["put"]>): ReturnType<ObjectStore["put"]> {
    this.#check();
    return await super.put(...args);
  }
  override async copy(...args: Parameters<ObjectStore["copy"]>): ReturnType<ObjectStore["copy"]> {
    this.#check();
    return await super.copy(...args);
  }
  override async delete(...args: Parameters<ObjectStore["delete"]>): ReturnType<ObjectStore["delete"]> {
    this.#check();
    return await super.delete(...args);
  }
}

const nameOf = (file: number): string => `acme/docs/${file}.ndjson`;

/** Two functions at once where `together` says so; one that dies is heard of no more, and its hold runs out. */
async function deliver(w: World, { file, together, diesAfter }: Event): Promise<void> {
  const store = diesAfter === null ? w.store : new Dying(w.store, diesAfter);
  const hearing = [w.another({}, store).take(`inbox/${nameOf(file)}`)];
  if (together) hearing.push(w.another().take(`inbox/${nameOf(file)}`));
  await Promise.allSettled(hearing);
  w.clock.advance(61_000);
}

test("events in any order, twice, at two functions at once, to functions that die, or late, store each document once", async () => {
  await fc.assert(
    fc.asyncProperty(events, async (list) => {
      const w = world();
      for (let file = 0; file < files; file++) await w.drop(nameOf(file), lines(10, file * 10 + 1));
      for (const event of list) await deliver(w, event);
      // What was told to nobody who lived, and again what was told to everybody, also when all is forgotten.
      for (let file = 0; file < files; file++) await deliver(w, { file, together: false, diesAfter: null });
      w.clock.advance(31 * 86_400_000);
      await w.inbox.forget();
      const { puts } = w.sink;
      for (const event of list) await deliver(w, event);
      expect(w.sink.puts).toBe(puts);
      expect(w.sink.texts()).toEqual(textsOf(files * 10));
      expect(await w.keys()).toEqual(Array.from({ length: files }, (_, file) => `processed/${nameOf(file)}`));
      expect(await w.keys("inbox-state/")).toEqual([]);
    }),
    { numRuns: 60 },
  );
}, 120_000);

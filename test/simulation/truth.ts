import { decodeSegment, type Operation } from "../../src/ingest/index.ts";
import { decodeManifest, liveKeys, type Manifest, segmentKey, sequenceOfSegment } from "../../src/manifest/index.ts";
import { decodeRows } from "./sim-shards.ts";
import type { Bucket, Kept } from "./sim-store.ts";
import { DeadRows } from "./sim-summary.ts";

/** Text of each live document, by id. */
export type Contents = ReadonlyMap<string, string>;

export const textOf = (contents: Contents): string => JSON.stringify([...contents].sort());

export class Violation extends Error {}

const violated = (what: string): never => {
  throw new Violation(what);
};

/**
 * What a collection holds according to its objects, and according to its history. The history is simple: segments, in the
 * order of their sequence, applied to a map. Whatever folds, compactions and gc do, both must agree after every step.
 */
export class Truth {
  readonly prefix: string;
  readonly #bucket: Bucket;
  /** The history: operations of each sequence, and what the map was after it. */
  readonly #segments = new Map<number, readonly Operation[]>();
  readonly #states: { readonly step: number; readonly text: string }[] = [];
  /** Shards alone, by generation. */
  readonly #generations = new Map<number, string>();
  #model = new Map<string, string>();
  #last = 0;
  #manifest: Manifest | undefined;

  constructor(bucket: Bucket, prefix: string) {
    this.#bucket = bucket;
    this.prefix = prefix;
  }

  get manifest(): Manifest | undefined {
    return this.#manifest;
  }
  get model(): Contents {
    return this.#model;
  }

  /** Told of every object of the collection that was put or deleted. */
  changed(key: string, kept: Kept | undefined): void {
    const name = key.slice(this.prefix.length);
    if (name === "manifest.json") this.#swapped(kept);
    else if (name.startsWith("wal/") && kept !== undefined) this.#appended(sequenceOfSegment(key), kept);
    this.#check(name, kept);
  }

  /** The operation that an acknowledged write's version names; `text` undefined: whatever it was. */
  acknowledged(version: string, id: string, kind: Operation["kind"], text?: string): void {
    const [sequence, index] = version.split(".").map(Number) as [number, number];
    const operation = this.#segments.get(sequence)?.[index];
    const matches =
      operation?.id === id &&
      operation.kind === kind &&
      (text === undefined || (operation.kind === "upsert" && operation.text === text));
    if (!matches) violated(`the acknowledged ${kind} ${version} of ${id} is not in the log`);
  }

  /** Steps in `from`…now after which the collection held just this; the latest, if any. */
  lastMoment(text: string, from: number): number | undefined {
    for (let at = this.#states.length - 1; at >= 0; at--) {
      const state = this.#states[at] as { readonly step: number; readonly text: string };
      if (state.text === text) {
        const until = this.#states[at + 1]?.step ?? Number.POSITIVE_INFINITY;
        if (until > from) return Math.max(state.step, from);
      }
      if (state.step <= from) break;
    }
    return undefined;
  }

  generation(number: number): string | undefined {
    return this.#generations.get(number);
  }

  #swapped(kept: Kept | undefined): void {
    if (kept === undefined) return;
    const before = this.#manifest;
    const manifest = decodeManifest(kept.bytes, "manifest.json");
    this.#manifest = manifest;
    if (before?.incarnation !== manifest.incarnation || before.deleted) {
      // A new collection, or a branch: what its shards hold is where its history begins.
      this.#model = new Map(this.#ofShards(manifest));
      this.#last = manifest.foldedThrough;
      this.#segments.clear();
    }
    this.#generations.set(manifest.generation, textOf(this.#ofShards(manifest)));
    this.#remember();
  }

  #appended(sequence: number, kept: Kept): void {
    const { incarnation, operations } = decodeSegment(kept.bytes, "segment");
    if (incarnation !== this.#manifest?.incarnation || sequence <= this.#last) return; // a hole that gc made: nobody reads it
    if (sequence !== this.#last + 1) violated(`segment ${sequence} follows ${this.#last}`);
    this.#last = sequence;
    this.#segments.set(sequence, operations);
    for (const operation of operations) this.#apply(operation);
    this.#remember();
  }

  /** Deletes and patches were made from what the document was just before, or an update would be lost. */
  #apply(operation: Operation): void {
    const { id } = operation;
    const before = this.#model.get(id);
    if (operation.kind === "delete") {
      if (before === undefined) violated(`${id} was deleted and was not there`);
      this.#model.delete(id);
      return;
    }
    const isPatch = (JSON.parse(operation.metadata) as { patched?: string }).patched !== undefined;
    if (isPatch && before !== operation.text)
      violated(`a patch of ${id} was made from ${operation.text}, not from ${before}`);
    this.#model.set(id, operation.text);
  }

  #remember(): void {
    const text = textOf(this.#model);
    if (this.#states.at(-1)?.text !== text) this.#states.push({ step: this.#bucket.world.step, text });
  }

  #check(name: string, kept: Kept | undefined): void {
    const manifest = this.#manifest;
    if (manifest === undefined || manifest.deleted) return;
    const isTold = name === "manifest.json" || name.startsWith("wal/") || kept === undefined;
    if (!isTold) return;
    for (const key of liveKeys(manifest)) if (!this.#bucket.objects.has(key)) violated(`${key} is live and gone`);
    const stored = new Map(this.#ofShards(manifest));
    for (let sequence = manifest.foldedThrough + 1; ; sequence++) {
      const segment = this.#bucket.objects.get(this.prefix + segmentKey(sequence));
      if (segment === undefined) break;
      const { incarnation, operations } = decodeSegment(segment.bytes, "segment");
      if (incarnation !== manifest.incarnation) continue;
      for (const operation of operations) {
        if (operation.kind === "delete") stored.delete(operation.id);
        else stored.set(operation.id, operation.text);
      }
    }
    const [is, should] = [textOf(stored), textOf(this.#model)];
    if (is !== should) violated(`generation ${manifest.generation} holds ${is}, not ${should}`);
  }

  #ofShards({ shards }: Manifest): Contents {
    const contents = new Map<string, string>();
    for (const { file, deletes, documents } of shards) {
      const rows = decodeRows(this.#bytes(file.key));
      const dead = deletes === null ? DeadRows.none(documents) : DeadRows.decode(this.#bytes(deletes.key), deletes.key);
      rows.forEach(({ id, text }, row) => {
        if (dead.isDead(row)) return;
        if (contents.has(id)) violated(`${id} is live twice`);
        contents.set(id, text);
      });
    }
    return contents;
  }

  #bytes(key: string): Uint8Array {
    return this.#bucket.objects.get(key)?.bytes ?? violated(`${key} is live and gone`);
  }
}

import { decodeSegment, type Operation, type Segment } from "../../src/ingest/index.ts";
import {
  decodeManifest,
  isFrozen,
  liveKeys,
  type Manifest,
  segmentKey,
  sequenceOfSegment,
} from "../../src/manifest/index.ts";
import type { Bucket, Kept } from "./bucket.ts";
import { Carried } from "./carried.ts";
import { Changes } from "./changes.ts";
import { answerWithout, type Contents, Moments, textOf } from "./moments.ts";
import { type StoredRow, storedRows } from "./stored-rows.ts";
import { violated } from "./violation.ts";

/** Segments are decoded once. */
const decoded = new WeakMap<Uint8Array, Segment>();

function segmentOf({ bytes }: Kept): Segment {
  const known = decoded.get(bytes) ?? decodeSegment(bytes, "segment");
  decoded.set(bytes, known);
  return known;
}

/**
 * What a collection holds according to its objects, and according to its history. The history is simple: segments, in the
 * order of their sequence, applied to a map. Whatever folds, compactions, moves and gc do, both must agree after every step.
 */
export class Truth {
  readonly prefix: string;
  readonly moments = new Moments();
  /** Changes of documents that are under way. */
  readonly changes = new Changes();
  readonly carried = new Carried();
  readonly #bucket: Bucket;
  /** Operations of each sequence that was ever part of the log, of every collection of this name. */
  readonly #segments = new Map<number, readonly (readonly Operation[])[]>();
  /** Segments that came when their collection was gone, and when it went. */
  readonly #late: { readonly sequence: number; readonly operations: readonly Operation[]; readonly endedAt: number }[] =
    [];
  readonly #endedAt = new Map<string, number>();
  /** By generation: its shards, and what they hold. */
  readonly #generations = new Map<
    number,
    { readonly shards: string; readonly contents: Contents; readonly answer: string }
  >();
  /** Shards that somebody asked to go back to. */
  readonly #wanted = new Map<string, Contents>();
  #model = new Map<string, string>();
  #last = 0;
  #manifest: Manifest | undefined;
  #rows: readonly StoredRow[] = [];
  #live: ReadonlySet<string> = new Set();

  constructor(bucket: Bucket, prefix: string) {
    this.#bucket = bucket;
    this.prefix = prefix;
  }

  /** Undefined where there is no collection: not yet, or no longer. */
  get manifest(): Manifest | undefined {
    return this.#manifest?.deleted ? undefined : this.#manifest;
  }
  get model(): Contents {
    return this.#model;
  }

  /** Told of every object of the collection that was put or deleted. */
  changed(key: string, kept: Kept | undefined): void {
    const name = key.slice(this.prefix.length);
    if (name === "manifest.json" && kept !== undefined) this.#swapped(kept);
    else if (name.startsWith("wal/")) this.#logged(sequenceOfSegment(key), kept);
  }

  /** Told of every object that was deleted, wherever it lay: a branch uses what belongs to another collection. */
  deleted(key: string): void {
    if (this.#live.has(key)) violated(`${key} is live and gone`);
  }

  /** The operation that an acknowledged write's version names, of a call that began at a step; `text` undefined: whatever it was. */
  acknowledged(version: string, { id, kind, from, text }: Acknowledged): void {
    const [sequence, index] = version.split(".").map(Number) as [number, number];
    // Who began before the collection was deleted may be told of a write that came just before that.
    const late = this.#late.filter((one) => one.sequence === sequence && one.endedAt >= from);
    const found = [...(this.#segments.get(sequence) ?? []), ...late.map(({ operations }) => operations)];
    const matches = found
      .map((operations) => operations[index])
      .some(
        (operation) =>
          operation?.id === id &&
          operation.kind === kind &&
          (text === undefined || (operation.kind === "upsert" && operation.text === text)),
      );
    if (!matches) violated(`the acknowledged ${kind} ${version} of ${id} is not in the log`);
  }

  /** What a search for everything in a generation's shards answers. */
  generation(number: number): string | undefined {
    return this.#generations.get(number)?.answer;
  }

  /** Somebody is about to go back to a generation. */
  willRollBack(generation: number): void {
    const found = this.#generations.get(generation);
    if (found !== undefined) this.#wanted.set(found.shards, found.contents);
  }

  #swapped(kept: Kept): void {
    const before = this.#manifest;
    const manifest = decodeManifest(kept.bytes, "manifest.json");
    const isNew = before?.incarnation !== manifest.incarnation || before.deleted;
    const back = isNew || manifest.deleted ? undefined : this.#rollback(before, manifest);
    this.#manifest = manifest;
    this.#live = new Set(manifest.deleted ? [] : liveKeys(manifest));
    if (manifest.deleted) {
      if (before?.deleted === false) this.#endedAt.set(before.incarnation, this.#step);
      this.#remember();
      return;
    }
    this.#rows = storedRows(this.#bucket, manifest);
    const contents = this.#stored();
    if (isNew || back !== undefined) this.carried.anew(this.#rows, this.#step);
    else
      this.carried.swapped(before, this.#rows, this.#step, this.#idsIn(before.foldedThrough, manifest.foldedThrough));
    if (isNew) {
      // A new collection, or a branch: what its shards hold is where its history begins.
      this.#model = new Map(contents);
      this.#last = manifest.foldedThrough;
    }
    if (back !== undefined) this.#rolledBack(back, contents, manifest);
    this.#skipForeign();
    this.#keep(manifest, contents);
    this.#check();
    this.#remember();
  }

  #keep(manifest: Manifest, contents: Contents): void {
    const held = new Set(this.#rows.filter((row) => row.held).map(({ id }) => id));
    const frozen = manifest.shards.filter(isFrozen).map(({ id }) => id);
    const answer = answerWithout(contents, held, frozen);
    this.#generations.set(manifest.generation, { shards: JSON.stringify(manifest.shards), contents, answer });
  }

  /** What a rollback was to bring back, if that is what a swap was: nothing else changes shards so. */
  #rollback(before: Manifest, after: Manifest): Contents | undefined {
    const shards = JSON.stringify(after.shards);
    const changes = shards !== JSON.stringify(before.shards) || before.foldedThrough !== after.foldedThrough;
    const timesOf = ({ foldedAt, compactedAt, rankedAt }: Manifest): string => `${foldedAt} ${compactedAt} ${rankedAt}`;
    return changes && timesOf(before) === timesOf(after) ? this.#wanted.get(shards) : undefined;
  }

  /** What was written until then is gone, but for what the log has after it. */
  #rolledBack(wanted: Contents, contents: Contents, manifest: Manifest): void {
    this.#bucket.world.count("swap of a rollback");
    if (textOf(wanted) !== textOf(contents))
      violated(`a rollback to ${textOf(wanted)} brought back ${textOf(contents)}`);
    this.changes.rolledBack();
    this.#model = new Map(contents);
    for (let sequence = manifest.foldedThrough + 1; sequence <= this.#last; sequence++)
      for (const operation of this.#segments.get(sequence)?.at(-1) ?? []) this.#apply(operation, true);
  }

  #logged(sequence: number, kept: Kept | undefined): void {
    const manifest = this.#manifest;
    if (manifest === undefined) return;
    if (kept === undefined) {
      const needed = sequence > manifest.foldedThrough && sequence <= this.#last && !manifest.deleted;
      if (needed) violated(`segment ${sequence} is needed and gone`);
      return;
    }
    const { incarnation, operations } = segmentOf(kept);
    const endedAt = this.#endedAt.get(incarnation);
    if (endedAt !== undefined) this.#late.push({ sequence, operations, endedAt });
    const isPast = sequence <= this.#last; // a hole that gc made: nobody reads it
    if (incarnation !== manifest.incarnation || manifest.deleted || isPast) {
      this.#skipForeign();
      return;
    }
    if (sequence !== this.#last + 1) violated(`segment ${sequence} follows ${this.#last}`);
    this.#last = sequence;
    this.#segments.set(sequence, [...(this.#segments.get(sequence) ?? []), operations]);
    for (const operation of operations) this.#apply(operation);
    this.#skipForeign();
    this.#check();
    this.#remember();
  }

  /** What a writer of a deleted collection puts at the end of the log keeps its place there, and says nothing. */
  #skipForeign(): void {
    for (;;) {
      const next = this.#bucket.objects.get(this.prefix + segmentKey(this.#last + 1));
      if (next === undefined || segmentOf(next).incarnation === this.#manifest?.incarnation) return;
      this.#last++;
      this.#segments.set(this.#last, [...(this.#segments.get(this.#last) ?? []), []]);
    }
  }

  /** Deletes and patches were made from what the document was just before, or an update would be lost. */
  #apply(operation: Operation, overtaken = false): void {
    const { id } = operation;
    const before = this.#model.get(id);
    if (operation.kind === "delete") {
      if (before === undefined && !overtaken && !this.changes.mayDeleteNothing(id))
        violated(`${id} was deleted and was not there`);
      this.#model.delete(id);
      return;
    }
    const { patched } = JSON.parse(operation.metadata) as { readonly patched?: string };
    const mayDiffer = patched === undefined || overtaken || this.changes.mayPatchTheOld(patched);
    if (before !== operation.text && !mayDiffer)
      violated(`a patch of ${id} was made from ${operation.text}, not from ${before}`);
    this.#model.set(id, operation.text);
  }

  get #step(): number {
    return this.#bucket.world.step;
  }

  #remember(): void {
    const step = this.#step;
    if (this.manifest === undefined) {
      this.moments.add({ step, contents: undefined, held: new Set(), answer: "no collection" });
      return;
    }
    const contents = new Map(this.#model);
    const newer = this.#idsIn(this.manifest.foldedThrough, this.#last);
    const held = new Set(this.#rows.filter((row) => row.held && !newer.has(row.id)).map(({ id }) => id));
    const frozen = this.manifest.shards.filter(isFrozen).map(({ id }) => id);
    this.moments.add({ step, contents, held, answer: answerWithout(contents, held, frozen) });
  }

  /** What segments touch, after one up to another. */
  #idsIn(after: number, through: number): ReadonlySet<string> {
    const ids = new Set<string>();
    for (let sequence = after + 1; sequence <= through; sequence++)
      for (const { id } of this.#segments.get(sequence)?.at(-1) ?? []) ids.add(id);
    return ids;
  }

  #stored(): Map<string, string> {
    return new Map(this.#rows.map(({ id, text }) => [id, text]));
  }

  /** Shards and log, as the objects have them, beside the history. */
  #check(): void {
    const { manifest } = this;
    if (manifest === undefined) return;
    const stored = this.#stored();
    for (let sequence = manifest.foldedThrough + 1; ; sequence++) {
      const kept = this.#bucket.objects.get(this.prefix + segmentKey(sequence));
      if (kept === undefined) break;
      const { incarnation, operations } = segmentOf(kept);
      if (incarnation !== manifest.incarnation) continue;
      for (const operation of operations) {
        if (operation.kind === "delete") stored.delete(operation.id);
        else stored.set(operation.id, operation.text);
      }
    }
    const [is, should] = [textOf(stored), textOf(this.#model)];
    if (is !== should) violated(`generation ${manifest.generation} holds ${is}, not ${should}`);
  }
}

export interface Acknowledged {
  readonly id: string;
  readonly kind: Operation["kind"];
  readonly from: number;
  readonly text?: string;
}

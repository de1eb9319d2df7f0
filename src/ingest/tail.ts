import type { DocumentId } from "../base/index.ts";
import { type Operation, operationBytes, type Upsert } from "./segment.ts";

export interface TailEntry {
  readonly sequence: number;
  readonly index: number;
  readonly operation: Operation;
}

/**
 * The acknowledged operations that no shard holds yet, the last one of each id. Synchronous and in memory, so that
 * a query sees one state of it: take what you need before the next await.
 */
export class Tail {
  readonly #latest = new Map<DocumentId, TailEntry>();
  readonly #segments = new Map<number, { readonly bytes: number; readonly operations: readonly Operation[] }>();
  #bytes = 0;
  #upserts = 0;
  /** The last sequence that is in here or in the shards. */
  lastSequence: number;

  constructor(foldedThrough: number) {
    this.lastSequence = foldedThrough;
  }

  get segments(): number {
    return this.#segments.size;
  }
  get bytes(): number {
    return this.#bytes;
  }
  /** Live documents in here. */
  get documents(): number {
    return this.#upserts;
  }
  /** Ids of the operations after a sequence, with repeats. */
  *idsSince(sequence: number): Generator<DocumentId> {
    for (const [at, { operations }] of this.#segments) if (at > sequence) for (const { id } of operations) yield id;
  }
  entry(id: DocumentId): TailEntry | undefined {
    return this.#latest.get(id);
  }
  *upserts(): Generator<Upsert> {
    for (const { operation } of this.#latest.values()) if (operation.kind === "upsert") yield operation;
  }

  /** Ids whose last operation is a delete. */
  *deleted(): Generator<DocumentId> {
    for (const { operation } of this.#latest.values()) if (operation.kind === "delete") yield operation.id;
  }

  /** Adds the next segment; its sequence is lastSequence + 1. */
  append(operations: readonly Operation[]): number {
    const sequence = ++this.lastSequence;
    const bytes = operations.reduce((sum, operation) => sum + operationBytes(operation), 0);
    this.#segments.set(sequence, { bytes, operations });
    this.#bytes += bytes;
    operations.forEach((operation, index) => {
      this.#forget(operation.id);
      this.#latest.set(operation.id, { sequence, index, operation });
      if (operation.kind === "upsert") this.#upserts++;
    });
    return sequence;
  }

  /** Drops what a fold has put into shards. */
  dropThrough(foldedThrough: number): void {
    for (const [sequence, { bytes, operations }] of this.#segments) {
      if (sequence > foldedThrough) break;
      this.#segments.delete(sequence);
      this.#bytes -= bytes;
      for (const { id } of operations) if (this.#latest.get(id)?.sequence === sequence) this.#forget(id);
    }
    this.lastSequence = Math.max(this.lastSequence, foldedThrough);
  }

  /** The last operation of each id up to a sequence: what a fold puts into shards. */
  through(sequence: number): ReadonlyMap<DocumentId, Operation> {
    const final = new Map<DocumentId, Operation>();
    for (const [at, { operations }] of this.#segments) {
      if (at > sequence) break;
      for (const operation of operations) {
        final.delete(operation.id); // keeps the order of last writes
        final.set(operation.id, operation);
      }
    }
    return final;
  }

  #forget(id: DocumentId): void {
    const old = this.#latest.get(id);
    if (old === undefined) return;
    if (old.operation.kind === "upsert") this.#upserts--;
    this.#latest.delete(id);
  }
}

import type { Manifest } from "../manifest/index.ts";
import type { Analyzer } from "../text/index.ts";
import type { CollectionView } from "./collection-view.ts";
import { isFrozenTarget, type LeafFailure, type LeafRow, type ShardTarget } from "./leaf-request.ts";
import type { LeafTransport } from "./leaves.ts";
import type { Moment } from "./moment.ts";
import { textOf } from "./tail-text.ts";

/** What rows take from the statistics, and the shards that did not say: they are missing from the answer as well. */
export interface TakenTogether {
  readonly taken: readonly Taken[];
  readonly failed: readonly LeafFailure[];
}

/** What a part of the rows takes from the statistics of a shard, or of all of them. */
export interface Taken {
  readonly documents: number;
  /** Of their texts, with repetitions. */
  readonly terms: number;
  documentsWith(term: string): number;
}

/**
 * What the rows that the tail replaces or deletes hold, but for frozen shards (see `DeadStatistics`). A shard is asked for each of them once: what is known is kept
 * as long as the collection's generation lasts.
 */
export class OutdatedTexts {
  readonly #leaves: LeafTransport;
  readonly #byView = new WeakMap<CollectionView, OutdatedOfGeneration>();

  constructor(leaves: LeafTransport) {
    this.#leaves = leaves;
  }

  async of({ view, snapshot }: Moment, analyzer: Analyzer, timeoutMs: number): Promise<TakenTogether> {
    const { manifest, targets } = snapshot;
    const outdated = targets.filter((target) => target.excluded.length > 0 && !isFrozenTarget(target));
    if (outdated.length === 0) return { taken: [], failed: [] };
    const known = this.#of(view, manifest);
    // One after the other, so that ids are counted in the order in which the tail brought them.
    const turn = known.turn.then(() => this.#read(known, snapshot.scope, outdated, analyzer, timeoutMs));
    known.turn = turn.catch(() => undefined);
    const failed = await turn;
    const taken = outdated.map(({ entry, excluded }) => known.shard(entry.id).of(excluded.length));
    return { taken, failed };
  }

  #of(view: CollectionView, { incarnation, generation }: Manifest): OutdatedOfGeneration {
    const name = `${incarnation} ${generation}`;
    const known = this.#byView.get(view);
    if (known?.name === name) return known;
    const made = new OutdatedOfGeneration(name);
    this.#byView.set(view, made);
    return made;
  }

  async #read(
    known: OutdatedOfGeneration,
    scope: Moment["snapshot"]["scope"],
    outdated: readonly ShardTarget[],
    analyzer: Analyzer,
    timeoutMs: number,
  ): Promise<readonly LeafFailure[]> {
    const shards = outdated.flatMap(({ entry, excluded }) => {
      const ids = excluded.slice(known.shard(entry.id).ids);
      return ids.length === 0 ? [] : [{ entry, excluded: [], ids }];
    });
    if (shards.length === 0) return [];
    const reply = await this.#leaves.ask({ kind: "lookup", scope, shards, withDocument: true }, timeoutMs);
    const failed = new Set(reply.failed.map(({ shard }) => shard));
    const rows = new Map(reply.rows.map((row) => [`${row.shard} ${row.id}`, row] as const));
    for (const { entry, ids } of shards)
      if (!failed.has(entry.id))
        for (const id of ids) known.shard(entry.id).add(rows.get(`${entry.id} ${id}`), analyzer);
    return reply.failed;
  }
}

class OutdatedOfGeneration {
  readonly name: string;
  turn: Promise<unknown> = Promise.resolve();
  readonly #shards = new Map<string, OutdatedOfShard>();

  constructor(name: string) {
    this.name = name;
  }

  shard(id: string): OutdatedOfShard {
    const known = this.#shards.get(id) ?? new OutdatedOfShard();
    this.#shards.set(id, known);
    return known;
  }
}

/** The ids that a shard was asked for, in order. The tail only grows, so a query's ids are the first so many of them. */
class OutdatedOfShard {
  /** Rows, and their terms, of the first n ids. */
  readonly #documents: number[] = [0];
  readonly #terms: number[] = [0];
  /** Numbers of the ids whose row holds a term, ascending. */
  readonly #holding = new Map<string, number[]>();

  get ids(): number {
    return this.#documents.length - 1;
  }

  /** `row`: undefined for an id that has none here. */
  add(row: LeafRow | undefined, analyzer: Analyzer): void {
    const number = this.ids;
    const text = row === undefined ? undefined : textOf(row.document?.text ?? "", analyzer);
    for (const term of text?.counts.keys() ?? []) {
      const numbers = this.#holding.get(term);
      if (numbers === undefined) this.#holding.set(term, [number]);
      else numbers.push(number);
    }
    this.#documents.push((this.#documents[number] as number) + (text === undefined ? 0 : 1));
    this.#terms.push((this.#terms[number] as number) + (text?.terms.length ?? 0));
  }

  /** Of the first so many ids, as far as the shard has answered. */
  of(wanted: number): Taken {
    const ids = Math.min(wanted, this.ids);
    return {
      documents: this.#documents[ids] as number,
      terms: this.#terms[ids] as number,
      documentsWith: (term) => countBelow(this.#holding.get(term) ?? [], ids),
    };
  }
}

/** How many of some ascending numbers are less than `limit`. */
function countBelow(numbers: readonly number[], limit: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

import type { Manifest } from "../../src/manifest/index.ts";
import type { StoredRow } from "./stored-rows.ts";
import { violated } from "./violation.ts";

interface Known {
  readonly row: StoredRow;
  /** The step since which it is in a shard that can be read. */
  readonly readableFrom: number;
}

/**
 * What a version of a document takes along from generation to generation: its rank, and its shard while that is archived.
 * Only a run of ranks gives other ranks, each run its own: so every rank says which run it comes from.
 */
export class Carried {
  #known: ReadonlyMap<string, Known> = new Map();
  /** The step at which a run was asked for, by the rank that it gives. */
  readonly #runs = new Map<number, number>();

  asked(rank: number, step: number): void {
    this.#runs.set(rank, step);
  }

  /** `written`: ids that the log brought: whatever was there of them before, they come without rank. */
  swapped(before: Manifest, rows: readonly StoredRow[], step: number, written: ReadonlySet<string>): void {
    const known = new Set(before.shards.map(({ ranks }) => ranks?.key));
    const isOfRun = ({ ranks }: StoredRow): boolean => ranks !== undefined && !known.has(ranks);
    const ranked = rows.filter(isOfRun);
    if (ranked.length > 0) this.#checkRun(ranked, rows);
    for (const row of rows) this.#checkRow(row, written.has(row.id) ? undefined : this.#before(row), isOfRun(row));
    this.anew(rows, step);
  }

  /** After a rollback, or where another collection begins: nothing is carried into that. */
  anew(rows: readonly StoredRow[], step: number): void {
    this.#known = new Map(rows.map((row) => [row.identity, { row, readableFrom: this.#readableFrom(row, step) }]));
  }

  #before({ identity }: StoredRow): StoredRow | undefined {
    return this.#known.get(identity)?.row;
  }

  #checkRow(row: StoredRow, known: StoredRow | undefined, ofRun: boolean): void {
    if (known?.archived && known.shard !== row.shard) violated(`${row.identity} was taken out of an archived shard`);
    const expected = known?.rank ?? 0;
    if (!ofRun && row.rank !== expected) violated(`the rank of ${row.identity} was ${expected} and is ${row.rank}`);
  }

  #readableFrom({ held, identity }: StoredRow, step: number): number {
    if (held) return Number.POSITIVE_INFINITY;
    return Math.min(step, this.#known.get(identity)?.readableFrom ?? step);
  }

  /** One run's ranks, for all that could be read when it was asked for; what came later has 0. */
  #checkRun(ranked: readonly StoredRow[], all: readonly StoredRow[]): void {
    const ranks = new Set(ranked.map(({ rank }) => rank).filter((rank) => rank !== 0));
    if (ranks.size > 1) violated(`one swap names ranks of several runs: ${[...ranks].join(", ")}`);
    const [rank] = ranks;
    const askedAt = rank === undefined ? undefined : (this.#runs.get(rank) ?? violated(`nobody asked for ${rank}`));
    for (const row of all.filter(({ held }) => !held)) {
      const since = this.#known.get(row.identity)?.readableFrom ?? Number.POSITIVE_INFINITY;
      const late = askedAt === undefined || since >= askedAt;
      if (!ranked.includes(row) || (row.rank === 0 && !late)) violated(`${row.identity} was left without a rank`);
    }
  }
}

import type { LeafHit, VectorAnswer } from "../search/index.ts";

/** A result with how its score came about. */
export interface RankedHit extends LeafHit {
  /** By scorer; `fused` is the score. */
  readonly scores?: Readonly<Record<string, number>>;
  /** What each scorer adds to the score. */
  readonly contributions?: Readonly<Record<string, number>>;
  readonly highlights?: readonly string[];
}

export interface SearchAnswer extends Omit<VectorAnswer, "hits"> {
  readonly hits: readonly RankedHit[];
}

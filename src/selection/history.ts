/**
 * How alike two queries are from which one says something of the other: the cosine of their vectors, times the ratio of
 * their lengths. Centroids are good evidence too, so that what is only related says nothing.
 */
const leastSimilarity = 0.7;
/** A shard is preferred from so much of a similar query's results on. */
const leastEvidence = 0.2;

interface Answered {
  /** Of unit length. */
  readonly query: Float32Array;
  readonly length: number;
  /** Share of the results that each shard had. */
  readonly shares: ReadonlyMap<string, number>;
}

/**
 * Which shards answered similar queries: a hint for which to search when not all may be. The last `capacity` queries of one
 * collection in this process; what a query says is worth half as much each quarter of that later.
 */
export class QueryHistory {
  readonly capacity: number;
  #answered: Answered[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** `shards`: of the results, one each. */
  note(query: Float32Array, shards: readonly string[]): void {
    if (this.capacity === 0 || shards.length === 0) return;
    const shares = new Map<string, number>();
    for (const shard of shards) shares.set(shard, (shares.get(shard) ?? 0) + 1 / shards.length);
    this.#answered.unshift({ ...ofUnitLength(query), shares });
    if (this.#answered.length > this.capacity) this.#answered.pop();
  }

  /** Shards that had results of similar queries, the likeliest first. */
  preferred(query: Float32Array): readonly string[] {
    const { query: unit, length } = ofUnitLength(query);
    const evidence = new Map<string, number>();
    this.#answered.forEach(({ query: other, length: otherLength, shares }, age) => {
      const ratio = Math.min(length, otherLength) / Math.max(length, otherLength);
      const similarity = other.length === unit.length ? dot(unit, other) * ratio : 0;
      if (!(similarity >= leastSimilarity)) return;
      const alike = ((similarity - leastSimilarity) / (1 - leastSimilarity)) ** 2;
      const worth = alike * 2 ** (-age / (this.capacity / 4));
      for (const [shard, share] of shares) evidence.set(shard, (evidence.get(shard) ?? 0) + worth * share);
    });
    return [...evidence]
      .filter(([, worth]) => worth >= leastEvidence)
      .sort(([a, more], [b, less]) => less - more || (a < b ? -1 : 1))
      .map(([shard]) => shard);
  }
}

function ofUnitLength(vector: Float32Array): { readonly query: Float32Array; readonly length: number } {
  const length = Math.sqrt(dot(vector, vector));
  return { query: length === 0 ? vector.slice() : vector.map((value) => value / length), length };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number);
  return sum;
}

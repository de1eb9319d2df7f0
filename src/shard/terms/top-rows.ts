export interface ScoredRow {
  readonly score: number;
  readonly row: number;
  readonly shard: number;
}

/** The best rows so far, those that tie with the last of them included: who is first among them is decided by id. */
export class TopRows {
  readonly limit: number;
  /** A row must score at least this to be among the best. */
  threshold: number;
  /** The best `limit` scores as a heap, the least first. */
  readonly #scores: Float64Array;
  #filled = 0;
  #rows: ScoredRow[] = [];

  constructor(limit: number) {
    this.limit = limit;
    this.#scores = new Float64Array(limit);
    this.threshold = limit === 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  }

  offer(score: number, shard: number, row: number): void {
    if (score < this.threshold) return;
    if (this.#rows.length >= 2 * this.limit + 256) this.#rows = this.#rows.filter((one) => one.score >= this.threshold);
    this.#rows.push({ score, shard, row });
    if (this.#filled < this.limit) this.#add(score);
    else if (score > this.threshold) this.#replaceLeast(score);
    if (this.#filled === this.limit) this.threshold = this.#scores[0] as number;
  }

  /** Best first; rows that tie with the last one come too. */
  take(): readonly ScoredRow[] {
    const good = this.#rows.filter(({ score }) => score >= this.threshold);
    return good.sort((a, b) => b.score - a.score || a.shard - b.shard || a.row - b.row);
  }

  #add(score: number): void {
    const heap = this.#scores;
    let at = this.#filled++;
    for (let parent = (at - 1) >> 1; at > 0 && (heap[parent] as number) > score; parent = (at - 1) >> 1) {
      heap[at] = heap[parent] as number;
      at = parent;
    }
    heap[at] = score;
  }

  #replaceLeast(score: number): void {
    const heap = this.#scores;
    let at = 0;
    for (let child = 1; child < this.#filled; child = 2 * at + 1) {
      if (child + 1 < this.#filled && (heap[child + 1] as number) < (heap[child] as number)) child++;
      if ((heap[child] as number) >= score) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = score;
  }
}

/** Text of each live document, by id. */
export type Contents = ReadonlyMap<string, string>;

/** What a collection was after some step. */
export interface Moment {
  readonly step: number;
  /** Undefined: there was none. */
  readonly contents: Contents | undefined;
  /** Ids of documents whose file had to be restored first. */
  readonly held: ReadonlySet<string>;
  /** What a search for everything has to answer then: see `answerOf`. */
  readonly answer: string;
}

export const textOf = (contents: Contents): string => JSON.stringify([...contents].sort());

/** What is found, and which shards are missing because they must be restored first. */
export const answerOf = (found: Contents, missing: Iterable<string>): string => {
  const shards = [...missing].sort();
  return shards.length === 0 ? textOf(found) : `${textOf(found)} without ${shards.join(", ")}`;
};

export const answerWithout = (contents: Contents, held: ReadonlySet<string>, shards: Iterable<string>): string =>
  answerOf(new Map([...contents].filter(([id]) => !held.has(id))), shards);

/** The states of a collection, in the order in which they came. */
export class Moments {
  readonly #all: Moment[] = [];

  #newest = "";

  add(moment: Moment): void {
    const { answer, held, contents } = moment;
    const content = contents === undefined ? "none" : textOf(contents);
    const all = `${answer} ${[...held].join()} ${content}`;
    if (all !== this.#newest) this.#all.push(moment);
    this.#newest = all;
  }

  /** The latest step in `from`…now after which this held, if there is any. */
  last(from: number, holds: (moment: Moment) => boolean): number | undefined {
    for (let at = this.#all.length - 1; at >= 0; at--) {
      const moment = this.#all[at] as Moment;
      if (holds(moment)) {
        const until = this.#all[at + 1]?.step ?? Number.POSITIVE_INFINITY;
        if (until > from) return Math.max(moment.step, from);
      }
      if (moment.step <= from) break;
    }
    return undefined;
  }
}

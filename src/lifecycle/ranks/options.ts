/** How ranks are computed. */
export interface RankOptions {
  /** Chance to follow a link rather than to jump anywhere: 0 to below 1. */
  readonly damping: number;
  /** The most that are run. */
  readonly iterations: number;
  /** Ends earlier when the ranks together changed by less than this, times the documents. 0: never. */
  readonly tolerance: number;
  /** The key of metadata whose list of ids (or one id) are a document's links. */
  readonly links: string;
}

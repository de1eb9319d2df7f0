import type { RankOptions } from "../lifecycle/index.ts";
import type { PageRankOptions } from "./api.ts";
import { invalid } from "./check-document.ts";
import { within } from "./check-search.ts";

/** The defaults of the algorithm's authors, and of most who compute it. */
const usual: RankOptions = { damping: 0.85, iterations: 20, tolerance: 0, links: "outbound_links" };
const mostIterations = 1000;

/** Throws `invalid` for what is out of bounds. */
export function checkPageRank(asked: PageRankOptions): RankOptions {
  const options = { ...usual, ...definedOf(asked) };
  const { damping, iterations, tolerance, links } = options;
  if (!(damping >= 0 && damping < 1)) throw invalid("invalid_damping", "damping is a number from 0 to below 1.");
  within("iterations", iterations, 1, mostIterations);
  if (!(tolerance >= 0 && tolerance < 1))
    throw invalid("invalid_tolerance", "tolerance is a number from 0 to below 1.");
  if (links === "") throw invalid("invalid_links", "links is the name of a key of metadata.");
  return options;
}

const definedOf = (asked: PageRankOptions): Partial<RankOptions> =>
  Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));

/** Differ from run to run: only their kind is compared. */
const volatileNames: ReadonlySet<string> = new Set([
  "took_ms",
  "get_requests",
  "put_requests",
  "list_requests",
  "bytes_fetched",
  "cache_hits",
  "compute_ms",
  "usd",
  "version",
  "updated_at",
  "last_fold_at",
  "last_compaction_at",
  "last_pagerank_at",
]);
const timestamp = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{3})?$/;
/** A `created_at` with milliseconds was the server's clock; one without came from the client and stays. */
const isNow = (value: unknown): boolean => typeof value === "string" && /\.\d{3}$/.test(value) && timestamp.test(value);

const kindOf = (value: unknown): string =>
  value === null ? "null" : typeof value === "string" && timestamp.test(value) ? "time" : typeof value;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

export interface Compared {
  readonly path?: string;
  /** Which more values may differ, by path: `collections.1.documents`. */
  readonly mayDiffer?: (path: string) => boolean;
}

/**
 * Where `actual` is not what `expected` says: the same keys everywhere, arrays of the same length, the same values but for
 * the volatile ones; scores to two decimals.
 */
export function differences(
  expected: unknown,
  actual: unknown,
  { path = "", mayDiffer = () => false }: Compared = {},
): string[] {
  if (isObject(expected) && isObject(actual) && Array.isArray(expected) === Array.isArray(actual)) {
    const [wanted, found] = [Object.keys(expected).sort().join(), Object.keys(actual).sort().join()];
    if (wanted !== found) return [`${path || "the answer"} has the keys ${found}, expected ${wanted}`];
    return Object.keys(expected).flatMap((key) =>
      differences(expected[key], actual[key], { path: path === "" ? key : `${path}.${key}`, mayDiffer }),
    );
  }
  const name = path.split(".").at(-1) ?? "";
  const isVolatile = volatileNames.has(name) || isNow(expected) || mayDiffer(path);
  const isScore = scoreNames.has(name) && typeof expected === "number" && typeof actual === "number";
  const same = isVolatile
    ? kindOf(expected) === kindOf(actual)
    : isScore
      ? Math.abs(expected - actual) <= 0.01
      : expected === actual;
  return same ? [] : [`${path} is ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`];
}

/** They differ a little from machine to machine, and with the time. */
const scoreNames = new Set(["score", "fused", "vector_similarity", "bm25", "pagerank", "freshness", "expression"]);

/** The JSON values that follow each other in `text`, as several commands print them. */
export function jsonValues(text: string): unknown[] {
  const values: unknown[] = [];
  let rest = text.trim();
  while (rest !== "") {
    const end = endOfValue(rest);
    values.push(JSON.parse(rest.slice(0, end)));
    rest = rest.slice(end).trim();
  }
  return values;
}

function endOfValue(text: string): number {
  let depth = 0;
  for (const { 0: sign, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (sign === "{" || sign === "[") depth++;
    else if (sign === "}" || sign === "]") depth--;
    if (depth === 0) return index + sign.length;
  }
  throw new Error(`not JSON: ${text.slice(0, 500)}`);
}

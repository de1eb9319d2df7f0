/**
 * The functions of SQLite that a statement may call. A function is in here when it reads nothing but its arguments and
 * changes nothing. What any of them may cost is bounded from outside: a value is at most `valueMaxBytes` long, memory
 * and time are the process's. "Grows" marks those whose result may be far larger than what they are given, and
 * "searches" those whose time is more than linear in it: they are why the bounds exist.
 */
const scalar = [
  // arithmetic: constant time
  "abs acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow",
  "power radians random round sign sin sinh sqrt tan tanh trunc",
  // text and blobs: linear; replace, printf, format, zeroblob, randomblob, hex, quote grow
  "char concat concat_ws format hex instr length lower ltrim octet_length printf quote randomblob replace rtrim",
  "substr substring trim unhex unicode unistr unistr_quote upper zeroblob",
  // like and glob search: a pattern of many wildcards is exponential in them
  "like glob",
  // choice: constant
  "coalesce if ifnull iif likelihood likely max min nullif typeof unlikely sqlite_version",
  // time: constant; the moment that `now` means is fixed for all parts of a query
  "date datetime julianday strftime time timediff unixepoch",
  // JSON: linear; json_set and its like copy the whole value
  "json json_array json_array_insert json_array_length json_error_position json_extract json_insert json_object",
  "json_patch json_pretty json_quote json_remove json_replace json_set json_type json_valid jsonb jsonb_array",
  "jsonb_array_insert jsonb_extract jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set",
  // vectors: linear in the dimensions
  "vec_distance_cosine vec_distance_l2 embed",
];

/** Linear in the rows of a group; those after the first line keep every value of the group in memory. */
const aggregate = [
  "avg count max min sum total",
  "group_concat string_agg json_group_array json_group_object jsonb_group_array jsonb_group_object median percentile",
  "percentile_cont percentile_disc",
];

const window = ["cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number"];

const words = (lines: readonly string[]): ReadonlySet<string> => new Set(lines.flatMap((line) => line.split(" ")));

export const scalarFunctions = words(scalar);
export const aggregateFunctions = words(aggregate);
export const windowFunctions = words(window);
export const allFunctions: ReadonlySet<string> = new Set([
  ...scalarFunctions,
  ...aggregateFunctions,
  ...windowFunctions,
]);

/** With two arguments and more, min and max compare them instead of rows. */
export const isAggregateCall = (name: string, args: number): boolean =>
  aggregateFunctions.has(name) && !((name === "min" || name === "max") && args > 1);

/** Functions that read a time, and at which argument (from 0) theirs begin. */
export const timeFunctions: ReadonlyMap<string, number> = new Map([
  ["date", 0],
  ["time", 0],
  ["datetime", 0],
  ["julianday", 0],
  ["unixepoch", 0],
  ["strftime", 1],
  ["timediff", 0],
]);

/** Tables that are made by a call: SQLite's own, and the searches of ours, which are answered before SQLite runs. */
export const jsonTables: ReadonlySet<string> = new Set(["json_each", "json_tree"]);
export const searchTables: ReadonlySet<string> = new Set(["vector_search", "text_search", "hybrid_search"]);

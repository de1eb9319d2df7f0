import type { CodeRange, Constant, Dictionary } from "./dictionary.ts";
import { nullCode } from "./dictionary.ts";

/** One column's part in a filter: which of its values fulfil it. NULL does where that is asked for only. */
export type ColumnTest =
  | { readonly kind: "null" }
  | { readonly kind: "value" }
  | { readonly kind: "equal"; readonly values: readonly Constant[] }
  /** Is something, and none of these. */
  | { readonly kind: "other"; readonly values: readonly Constant[] }
  | { readonly kind: "less" | "at most" | "greater" | "at least"; readonly value: Constant }
  /** Begins (LIKE), or (not) is a text that begins otherwise. Undefined codes where numbers are among the values. */
  | { readonly kind: "begins"; readonly prefix: string; readonly not: boolean };

/** A filter over columns of codes, as plain data. It asks for rows where it is true, so NOT is gone from it. */
export type ColumnFilter =
  | { readonly kind: "always" | "never" }
  | { readonly kind: "and" | "or"; readonly parts: readonly ColumnFilter[] }
  | { readonly kind: "column"; readonly column: string; readonly test: ColumnTest };

/** The columns that a filter reads. */
export function columnsRead(filter: ColumnFilter): ReadonlySet<string> {
  if (filter.kind === "column") return new Set([filter.column]);
  return filter.kind === "and" || filter.kind === "or"
    ? new Set(filter.parts.flatMap((part) => [...columnsRead(part)]))
    : new Set();
}

/** The codes whose values fulfil a test, as ranges that may overlap. Undefined where only SQLite can say. */
export function codesFor(test: ColumnTest, dictionary: Dictionary): readonly CodeRange[] | undefined {
  const { size } = dictionary;
  switch (test.kind) {
    case "null":
      return [{ low: nullCode, high: nullCode }];
    case "value":
      return range(0, size);
    case "equal":
      return test.values.flatMap((value) => range(dictionary.below(value), dictionary.upTo(value)));
    case "other":
      return without(
        test.values.flatMap((value) => range(dictionary.below(value), dictionary.upTo(value))),
        size,
      );
    case "less":
      return range(0, dictionary.below(test.value));
    case "at most":
      return range(0, dictionary.upTo(test.value));
    case "greater":
      return range(dictionary.upTo(test.value), size);
    case "at least":
      return range(dictionary.below(test.value), size);
    case "begins": {
      // LIKE reads a number as text.
      const found = dictionary.numbers > 0 ? undefined : dictionary.beginning(test.prefix);
      return found === undefined || !test.not ? found : without(found, size);
    }
  }
}

/** The values from…to (to excluded), as codes. */
const range = (from: number, to: number): readonly CodeRange[] => (from < to ? [{ low: from + 1, high: to }] : []);

/** The codes of values, 1…size, that are in none of the ranges. */
function without(ranges: readonly CodeRange[], size: number): readonly CodeRange[] {
  const left: CodeRange[] = [];
  let next = 1;
  for (const { low, high } of ranges.toSorted((a, b) => a.low - b.low)) {
    if (low > next) left.push({ low: next, high: low - 1 });
    next = Math.max(next, high + 1);
  }
  return next <= size ? [...left, { low: next, high: size }] : left;
}

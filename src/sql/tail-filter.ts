import {
  type ColumnFilter,
  type ColumnTest,
  type ColumnValue,
  type Constant,
  keyPrefix,
  wordsOf,
} from "../shard/index.ts";
import { isShortDecimal } from "./column-filter.ts";
import type { TailDocument } from "./data.ts";

/** Undefined: only SQLite can say. */
type Outcome = boolean | undefined;

/** Places of the tail's documents that fulfil a filter; undefined when one of them holds something that only SQLite reads right. */
export function tailMatches(filter: ColumnFilter, tail: readonly TailDocument[]): ReadonlySet<number> | undefined {
  const found = new Set<number>();
  for (let at = 0; at < tail.length; at++) {
    const outcome = fulfils(filter, tail[at] as TailDocument);
    if (outcome === undefined) return undefined;
    if (outcome) found.add(at);
  }
  return found;
}

function fulfils(filter: ColumnFilter, document: TailDocument): Outcome {
  switch (filter.kind) {
    case "always":
      return true;
    case "never":
      return false;
    case "column": {
      const value = columnValue(document, filter.column);
      return value === undefined ? undefined : passes(filter.test, value);
    }
    default: {
      const outcomes = filter.parts.map((part) => fulfils(part, document));
      const decisive = filter.kind === "or";
      if (outcomes.includes(decisive)) return decisive;
      return outcomes.includes(undefined) ? undefined : !decisive;
    }
  }
}

function passes(test: ColumnTest, value: ColumnValue | null): Outcome {
  if (value === null) return test.kind === "null";
  switch (test.kind) {
    case "null":
      return false;
    case "value":
      return true;
    case "equal":
      return test.values.some((other) => order(value, other) === 0);
    case "other":
      return test.values.every((other) => order(value, other) !== 0);
    case "less":
      return order(value, test.value) < 0;
    case "at most":
      return order(value, test.value) <= 0;
    case "greater":
      return order(value, test.value) > 0;
    case "at least":
      return order(value, test.value) >= 0;
    case "begins":
      // LIKE reads a number as text.
      return typeof value === "string" ? folded(value).startsWith(folded(test.prefix)) !== test.not : undefined;
  }
}

/** SQLite's LIKE folds ASCII letters only. */
const folded = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** Numbers before texts before blobs. */
function order(a: ColumnValue, b: Constant): number {
  const [rankA, rankB] = [rankOf(a), rankOf(b)];
  if (rankA !== rankB) return rankA - rankB;
  if (typeof a === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b as string));
  const other = b as bigint | number;
  return a < other ? -1 : a > other ? 1 : 0;
}

const rankOf = (value: Constant): number => (value instanceof Uint8Array ? 2 : typeof value === "string" ? 1 : 0);

function columnValue(document: TailDocument, column: string): ColumnValue | null | undefined {
  if (column === "created_at") return document.createdAt;
  if (column === "updated_at") return document.updatedAt;
  if (column === "word_count") return wordsOf(document.text);
  const metadata = metadataOf(document);
  if (metadata === undefined) return undefined;
  const key = column.slice(keyPrefix.length);
  return Object.hasOwn(metadata, key) ? sqlValue(metadata[key]) : null;
}

type Metadata = Readonly<Record<string, unknown>>;
/** The same documents are asked for with every query until they are folded. */
const parsed = new WeakMap<TailDocument, { readonly metadata: Metadata | undefined }>();

/** Undefined when the text is not what JSON.stringify writes: SQLite takes the first of two equal keys, JSON.parse the last. */
function metadataOf(document: TailDocument): Metadata | undefined {
  const known = parsed.get(document);
  if (known !== undefined) return known.metadata;
  const read = JSON.parse(document.metadata) as Metadata;
  const metadata = JSON.stringify(read) === document.metadata ? read : undefined;
  parsed.set(document, { metadata });
  return metadata;
}

/** A plain value as SQLite's JSON functions give it. */
function sqlValue(value: unknown): ColumnValue | null | undefined {
  if (value === null) return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string") return value.isWellFormed() ? value : undefined;
  if (typeof value !== "number") return undefined;
  return Number.isSafeInteger(value) || isShortDecimal(String(Math.abs(value))) ? value : undefined;
}

import type { NumberRange, TextRange } from "../../shard/index.ts";
import type { SqlValue } from "../language/values.ts";

/** What values an expression may have on the rows of a shard. */
export interface Domain {
  readonly mayBeNull: boolean;
  readonly numbers: NumberRange | null;
  readonly texts: TextRange | null;
  /** How SQLite changes what the expression is compared with; see https://sqlite.org/datatype3.html#affinity. */
  readonly affinity: "text" | "numeric" | "none";
  /** False when no row can have exactly this value; asked for texts and whole numbers only. */
  readonly mayHold: (value: string | number) => boolean;
}

/** How the values of a domain may compare with one value: less, equal, greater, or NULL. */
export interface Comparisons {
  readonly less: boolean;
  readonly equal: boolean;
  readonly greater: boolean;
  readonly null: boolean;
}

const all: Comparisons = { less: true, equal: true, greater: true, null: true };
/** SQLite's reading of a real may differ from JavaScript's in the last bits. */
const slack = 1e-12;

const plainNumber = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** Numbers sort before texts, texts before blobs. Undefined bounds are no bounds. */
export function compare(domain: Domain, value: SqlValue): Comparisons {
  if (value === null) return { less: false, equal: false, greater: false, null: true };
  const converted = convert(domain.affinity, value);
  if (converted === undefined) return all;
  const parts = [ofNumbers(domain, converted), ofTexts(domain, converted)];
  return {
    less: parts.some(({ less }) => less),
    equal: parts.some(({ equal }) => equal),
    greater: parts.some(({ greater }) => greater),
    null: domain.mayBeNull,
  };
}

/** The value after the domain's affinity was applied; undefined where that is better left to SQLite. */
function convert(affinity: Domain["affinity"], value: NonNullable<SqlValue>): NonNullable<SqlValue> | undefined {
  if (affinity === "text" && typeof value === "bigint") return String(value);
  if (affinity === "text" && typeof value === "number") return undefined;
  if (affinity !== "numeric" || typeof value !== "string") return value;
  if (plainNumber.test(value)) return Number(value);
  // Blanks around a number, and whatever else may count as one.
  return /\d|inf|nan/i.test(value) ? undefined : value;
}

type Part = Omit<Comparisons, "null">;
const none: Part = { less: false, equal: false, greater: false };

function ofNumbers({ numbers, mayHold }: Domain, value: NonNullable<SqlValue>): Part {
  if (numbers === null) return none;
  if (typeof value !== "number" && typeof value !== "bigint") return { ...none, less: true };
  const min = numbers.min - Math.abs(numbers.min) * slack;
  const max = numbers.max + Math.abs(numbers.max) * slack;
  const near = Number(value);
  const exact = Number.isSafeInteger(near);
  return { less: min < value, equal: min <= value && value <= max && (!exact || mayHold(near)), greater: max > value };
}

const before = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;

function ofTexts({ texts, mayHold }: Domain, value: NonNullable<SqlValue>): Part {
  if (texts === null) return none;
  if (typeof value !== "string")
    return value instanceof Uint8Array ? { ...none, less: true } : { ...none, greater: true };
  const { min, max } = texts;
  const within = !before(value, min) && (max === null || !before(max, value));
  return { less: before(min, value), equal: within && mayHold(value), greater: max === null || before(value, max) };
}

/** Whether some text may begin with `prefix`, in the case given or (LIKE) in any. */
export function mayBegin({ texts, numbers }: Domain, prefix: string, anyCase: boolean): boolean {
  if (numbers !== null) return true;
  if (texts === null) return false;
  const first = anyCase ? prefix.replace(/[a-z]/g, (letter) => letter.toUpperCase()) : prefix;
  const last = anyCase ? prefix.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : prefix;
  return (texts.max === null || !before(texts.max, first)) && !before(`${last}\u{10ffff}`, texts.min);
}

export const isEmpty = ({ numbers, texts }: Domain): boolean => numbers === null && texts === null;

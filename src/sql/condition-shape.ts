import { isShortDecimal } from "./column-filter.ts";
import type { SqlValue } from "./language/values.ts";

/** The text of a condition without the constants it compares with: `a = 'x' AND b < 5` is of the shape `a = ? AND b < ?`. */
export interface ConditionShape {
  readonly text: string;
  /** Of the `?`, in their order. */
  readonly values: readonly SqlValue[];
  /** It has parameters of its own; then no constant was taken out. */
  readonly hasParameters: boolean;
  /** Reading it gives the same at any time: it calls nothing but json_extract, and does not ask for the time. */
  readonly isFixed: boolean;
}

const tokens =
  /(?<blank>\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)|(?<blob>[xX]'[^']*')|(?<text>'(?:[^']|'')*')|(?<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])|(?<parameter>\?\d*|[:@$][\w$]+)|(?<number>0[xX][\da-fA-F]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)|(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|(?<sign><=|>=|<>|!=|==|->>|->|\|\||<<|>>|[\s\S])/guy;

const comparing: ReadonlySet<string> = new Set(["=", "==", "<>", "!=", "<", "<=", ">", ">="]);
/** Words that may stand before a bracket and call nothing. */
const uncalling: ReadonlySet<string> = new Set(
  "and or not in between is null isnull notnull like escape collate distinct from json_extract".split(" "),
);

/**
 * Takes the numbers and texts out that stand behind a comparison, BETWEEN, its AND, or within a list of IN: there a parameter means
 * the same. All other constants (paths, patterns, arguments) stay.
 */
export function shapeOf(condition: string): ConditionShape {
  const reader = new ShapeReader(condition);
  return reader.hasParameters ? new ShapeReader(condition, false).shape : reader.shape;
}

class ShapeReader {
  hasParameters = false;
  #isFixed = true;
  readonly #values: SqlValue[] = [];
  readonly #out: string[] = [];
  /** A constant here is one that the condition compares with. */
  #expects = false;
  /** BETWEENs whose AND is still to come. */
  #open = 0;
  /** Brackets of lists of IN. */
  #lists: boolean[] = [];
  #before = "";

  constructor(condition: string, takesOut = true) {
    for (const { groups, 0: token } of condition.matchAll(tokens)) {
      const kind = Object.entries(groups ?? {}).find(([, found]) => found !== undefined)?.[0] ?? "sign";
      this.#token(kind, token, takesOut);
    }
  }

  get shape(): ConditionShape {
    const { hasParameters } = this;
    return { text: this.#out.join(""), values: this.#values, hasParameters, isFixed: this.#isFixed };
  }

  #token(kind: string, token: string, takesOut: boolean): void {
    if (kind === "blank") {
      this.#out.push(token);
      return;
    }
    const value = this.#expects && takesOut ? constantOf(kind, token) : undefined;
    if (value !== undefined) this.#values.push(value);
    // The blank keeps digits that may follow from becoming part of the parameter.
    this.#out.push(value === undefined ? token : "? ");
    this.hasParameters ||= kind === "parameter";
    const word = kind === "word" || kind === "sign" ? token.toLowerCase() : kind;
    if (word === "(" && !this.#callsNothing()) this.#isFixed = false;
    if (/^current_/.test(word)) this.#isFixed = false;
    this.#expects = this.#expectsAfter(word);
    this.#before = word;
  }

  /** Whether what is before a bracket is no name. */
  #callsNothing(): boolean {
    return !/^[a-z_\u0080-\uffff]/u.test(this.#before) || uncalling.has(this.#before);
  }

  #expectsAfter(word: string): boolean {
    if (word === "(") this.#lists.push(this.#before === "in");
    if (word === ")") this.#lists.pop();
    if (comparing.has(word)) return true;
    if (word === "between") this.#open++;
    if (word === "between") return true;
    if (word === "and" && this.#open > 0) {
      this.#open--;
      return true;
    }
    if (word === "-") return this.#expects;
    return (word === "(" || word === ",") && this.#lists.at(-1) === true;
  }
}

/** Undefined where it is not certain that a parameter with this value is the same. */
function constantOf(kind: string, token: string): SqlValue | undefined {
  if (kind === "text") return token.slice(1, -1).replaceAll("''", "'");
  if (kind !== "number") return undefined;
  if (/^\d{1,18}$/.test(token)) return BigInt(token);
  // A whole number would be bound as an INTEGER, and 1.0 is a REAL.
  return isShortDecimal(token) && !Number.isInteger(Number(token)) ? Number(token) : undefined;
}

import type { Select, VariableExpr } from "sqlite3-parser";
import { MosaicError } from "../../base/index.ts";
import type { StatementLimits } from "./limits.ts";
import { rewrite, walk } from "./tree.ts";
import { fromWire, type SqlValue } from "./values.ts";

/** Parameters of a statement: a list for `?`, `?N` and by order of appearance, or an object by name. */
export type Parameters = readonly unknown[] | { readonly [name: string]: unknown };

/** The values of a statement's parameters; number N is bound as `:pN`. */
export type Bindings = ReadonlyMap<number, SqlValue>;

export interface Bound {
  readonly select: Select;
  readonly bindings: Bindings;
  readonly numbers: ParameterNumbers;
}

/**
 * Gives every parameter the number that SQLite would, names it `:pN`, and finds its value. Throws `invalid` for a missing
 * value, and for one too many.
 */
export function bindParameters(select: Select, parameters: Parameters | undefined, limits: StatementLimits): Bound {
  const numbers = numberAll(variablesOf(select), limits);
  const numbered = rewrite(select, (node) =>
    node.type === "VariableExpr" ? { ...node, name: `:p${numbers.of.get(node.span.offset)}` } : undefined,
  );
  return { select: numbered, bindings: bindValues(parameters, numbers), numbers };
}

/** The values of parameters that are numbered already. Throws `invalid` for a missing value, and for one too many. */
export function bindValues(parameters: Parameters | undefined, numbers: ParameterNumbers): Bindings {
  const given = parameters ?? [];
  return Array.isArray(given)
    ? byNumber(given as readonly unknown[], numbers)
    : byName(given as { readonly [name: string]: unknown }, numbers);
}

/** The numbers of a statement's parameters. */
export interface ParameterNumbers {
  /** By the place in the source. */
  readonly of: ReadonlyMap<number, number>;
  /** The name with its first character, or `?N`. */
  readonly names: ReadonlyMap<number, string>;
  readonly highest: number;
}

function variablesOf(select: Select): readonly VariableExpr[] {
  const found: VariableExpr[] = [];
  walk(select, (node) => {
    if (node.type === "VariableExpr") found.push(node);
  });
  return found.sort((a, b) => a.span.offset - b.span.offset);
}

/** https://sqlite.org/lang_expr.html#varparam: `?` is one more than the highest so far, a name keeps its first number. */
function numberAll(variables: readonly VariableExpr[], { maxParameters }: StatementLimits): ParameterNumbers {
  const of = new Map<number, number>();
  const names = new Map<number, string>();
  const known = new Map<string, number>();
  let highest = 0;
  for (const { name, span } of variables) {
    const explicit = /^\?(\d+)$/.exec(name)?.[1];
    const number = explicit !== undefined ? Number(explicit) : (known.get(name) ?? highest + 1);
    if (number < 1 || number > maxParameters) throw wrong(`Parameters are numbered from 1 to ${maxParameters}.`);
    if (name !== "?" && explicit === undefined) known.set(name, number);
    if (!names.has(number)) names.set(number, name.startsWith("?") ? `?${number}` : name);
    highest = Math.max(highest, number);
    of.set(span.offset, number);
  }
  return { of, names, highest };
}

function byNumber(values: readonly unknown[], { names, highest }: ParameterNumbers): Bindings {
  if (values.length !== highest) {
    throw wrong(`The statement takes ${highest} parameters, and ${values.length} were given.`);
  }
  return new Map([...names].map(([number, name]) => [number, fromWire(values[number - 1], name)]));
}

function byName(values: { readonly [name: string]: unknown }, { names }: ParameterNumbers): Bindings {
  const used = new Set<string>();
  const bindings = new Map<number, SqlValue>();
  for (const [number, name] of names) {
    const key = [name, name.slice(1)].find((candidate) => Object.hasOwn(values, candidate));
    if (key === undefined) throw wrong(`The parameter ${name} has no value.`);
    used.add(key);
    bindings.set(number, fromWire(values[key], name));
  }
  const spare = Object.keys(values).find((key) => !used.has(key));
  if (spare !== undefined) throw wrong(`The statement has no parameter ${JSON.stringify(spare)}.`);
  return bindings;
}

const wrong = (detail: string): MosaicError =>
  new MosaicError("invalid", "read SQL parameters", { code: "invalid_parameter", detail });

import type { Expr, Select } from "sqlite3-parser";
import { MosaicError } from "../../base/index.ts";
import type { SearchKind } from "../data.ts";
import { lower } from "../language/documents.ts";
import { notAllowed } from "../language/errors.ts";
import { searchTables } from "../language/functions.ts";
import type { Bindings } from "../language/parameters.ts";
import { rewrite } from "../language/tree.ts";
import type { SqlValue } from "../language/values.ts";
import type { GivenTable } from "../process/messages.ts";
import { parameter, tableNamed } from "./make.ts";
import { opened } from "./simple.ts";

/** A search that has to be made before SQLite runs; its rows become the table `name`. */
export interface WantedSearch {
  readonly kind: SearchKind;
  readonly query: string | Float32Array;
  readonly limit: number;
  readonly name: string;
  /** `:pN` holds the ids that were found, as a JSON array. */
  readonly idsNumber: number;
}

/** A text whose vector becomes the parameter `:pN`. */
export interface WantedVector {
  readonly text: string;
  readonly number: number;
}

export interface WithSearches {
  readonly select: Select;
  readonly searches: readonly WantedSearch[];
  readonly vectors: readonly WantedVector[];
}

const defaultLimit = 10;
const maxLimit = 10_000;
const mostSearches = 8;

export const searchColumns: GivenTable["columns"] = [
  { name: "id", type: "TEXT" },
  { name: "score", type: "REAL" },
];

/** Puts tables in the place of searches, and parameters in the place of embed(…); says what has to be found for them. */
export function takeSearches(select: Select, bindings: Bindings): WithSearches {
  const searches: WantedSearch[] = [];
  const vectors: WantedVector[] = [];
  let next = Math.max(0, ...bindings.keys()) + 1;
  const taken = rewrite(select, (node) => {
    if (node.type === "FunctionCallExpr" && lower(node.name.name) === "embed") {
      const text = constant(node.args?.[0], bindings);
      if (typeof text !== "string" || node.args?.length !== 1)
        throw wrong("embed takes one text: a constant or a parameter.");
      vectors.push({ text, number: next });
      return parameter(next++);
    }
    if (node.type === "InTableExpr" && node.args !== undefined && searchTables.has(lower(node.rhs.objName.text))) {
      throw notAllowed("Write IN (SELECT id FROM vector_search(…)).");
    }
    if (node.type !== "TableCallSelectTable" || !searchTables.has(lower(node.tblName.objName.text))) return undefined;
    const kind = lower(node.tblName.objName.text) as SearchKind;
    const name = `search ${searches.length}`;
    searches.push({ kind, name, idsNumber: next++, ...argumentsOf(kind, node.args ?? [], bindings) });
    if (searches.length > mostSearches) throw wrong(`A statement may hold ${mostSearches} searches.`);
    return tableNamed(name, node.alias?.name.text ?? kind);
  });
  return { select: taken, searches, vectors };
}

function argumentsOf(
  kind: SearchKind,
  [first, second, ...more]: readonly Expr[],
  bindings: Bindings,
): { readonly query: string | Float32Array; readonly limit: number } {
  const limit = second === undefined ? BigInt(defaultLimit) : constant(second, bindings);
  if (typeof limit !== "bigint" || limit < 1n || limit > BigInt(maxLimit) || more.length > 0) {
    throw wrong(`${kind} takes a query and how many results: a whole number from 1 to ${maxLimit}.`);
  }
  const query = constant(first, bindings);
  const vector = kind === "vector_search" ? vectorOf(query) : undefined;
  if (vector !== undefined) return { query: vector, limit: Number(limit) };
  if (typeof query !== "string") throw wrong(`${kind} takes a text that is a constant or a parameter.`);
  return { query, limit: Number(limit) };
}

/** A JSON array of numbers, or a blob of float32. */
function vectorOf(query: SqlValue | undefined): Float32Array | undefined {
  if (query instanceof Uint8Array && query.byteLength > 0 && query.byteLength % 4 === 0) {
    return new Float32Array(query.slice().buffer);
  }
  if (typeof query !== "string" || !query.trimStart().startsWith("[")) return undefined;
  try {
    const numbers = JSON.parse(query) as unknown;
    const good = Array.isArray(numbers) && numbers.length > 0 && numbers.every((value) => typeof value === "number");
    return good ? Float32Array.from(numbers as number[]) : undefined;
  } catch {
    return undefined;
  }
}

/** The value of a literal or parameter; undefined for what only a row can tell. */
export function constant(expr: Expr | undefined, bindings: Bindings): SqlValue | undefined {
  if (expr === undefined) return undefined;
  const plain = opened(expr);
  if (plain.type === "StringLiteral") return plain.value;
  if (plain.type === "VariableExpr") return bindings.get(Number(plain.name.slice(2)));
  if (plain.type === "NumericLiteral" && /^\d{1,18}$/.test(plain.value)) return BigInt(plain.value);
  return plain.type === "BlobLiteral" ? plain.bytes : undefined;
}

const wrong = (detail: string): MosaicError =>
  new MosaicError("invalid", "read SQL", { code: "invalid_search_arguments", detail });

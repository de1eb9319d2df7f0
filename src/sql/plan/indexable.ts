import type { Expr } from "sqlite3-parser";
import { lower } from "../language/documents.ts";
import { type Node, rewrite } from "../language/tree.ts";
import { both, brackets, id, nowhere, number, text } from "./make.ts";

/**
 * A condition with every plain key of metadata written as `metadata->>'key'`, which is how the indexes of shards have it:
 * `metadata->>'$.key'` and `json_extract(metadata, '$.key')` have the same value. Only where it is compared: elsewhere a
 * function could tell the difference.
 */
export const indexable = (condition: Expr): Expr =>
  rewrite(condition, (node) => {
    if (!comparing.has(node.type)) return undefined;
    const implied = node.type === "BinaryExpr" && node.op === "Equals" ? impliedBy(node) : undefined;
    if (implied !== undefined) return brackets(both("And", [node as Expr, implied]) as Expr);
    const fields = Object.entries(node).map(([name, value]: [string, unknown]) => [name, compared(value)] as const);
    return Object.fromEntries(fields) as unknown as Node;
  });

/**
 * `metadata->'key' = '"value"'` can only be true where `metadata->>'key' = 'value'` is, and both are NULL or not together:
 * the second goes along with the first, because indexes and summaries know it.
 */
function impliedBy({ left, right }: Extract<Expr, { type: "BinaryExpr" }>): Expr | undefined {
  const [json, value] = left.type === "StringLiteral" ? [right, left] : [left, right];
  if (json.type !== "BinaryExpr" || json.op !== "ArrowRight" || value.type !== "StringLiteral") return undefined;
  const key = keyOf({ ...json, op: "ArrowRightShift" });
  const scalar = key === undefined ? undefined : scalarOf(value.value);
  if (key === undefined || scalar === undefined) return undefined;
  return { ...json, op: "Equals", left: textOfKey(key), right: scalar };
}

/** A JSON text that stands for just one value, and in which nothing is escaped. */
function scalarOf(json: string): Expr | undefined {
  if (/^(0|-?[1-9]\d{0,14})$/.test(json)) return number(Number(json));
  const inner = /^"([^"\\\p{Cc}]*)"$/u.exec(json)?.[1];
  return inner === undefined ? undefined : text(inner);
}

const textOfKey = (key: string): Expr => ({
  type: "BinaryExpr",
  op: "ArrowRightShift",
  left: id("metadata"),
  right: text(key),
  span: nowhere,
});

const comparing: ReadonlySet<string> = new Set([
  "BinaryExpr",
  "BetweenExpr",
  "InListExpr",
  "IsNullExpr",
  "NotNullExpr",
  "LikeExpr",
]);

function compared(value: unknown): unknown {
  if (Array.isArray(value)) return (value as readonly unknown[]).map(compared);
  if (typeof value !== "object" || value === null || !("type" in value)) return value;
  const expr = value as Expr;
  const key = keyOf(expr);
  if (key === undefined) return indexable(expr);
  return textOfKey(key);
}

/** The key of `metadata->>'k'`, `metadata->>'$.k'` and `json_extract(metadata, '$.k')`. */
export function keyOf(expr: Expr): string | undefined {
  if (expr.type === "BinaryExpr" && expr.op === "ArrowRightShift" && isMetadata(expr.left)) {
    if (expr.right.type !== "StringLiteral") return undefined;
    return expr.right.value.startsWith("$") ? keyOfPath(expr.right.value) : plainKey(expr.right.value);
  }
  if (expr.type !== "FunctionCallExpr" || lower(expr.name.name) !== "json_extract") return undefined;
  const [json, path, ...more] = expr.args ?? [];
  if (json === undefined || path?.type !== "StringLiteral" || more.length > 0 || !isMetadata(json)) return undefined;
  return keyOfPath(path.value);
}

const isMetadata = (expr: Expr): boolean => expr.type === "Id" && expr.name === "metadata";
const keyOfPath = (path: string): string | undefined => plainKey(/^\$\.(.*)$/s.exec(path)?.[1] ?? "");
/** Keys that a path can hold as they are. */
const plainKey = (key: string): string | undefined => (/^[A-Za-z_]\w*$/.test(key) ? key : undefined);

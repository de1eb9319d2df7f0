import type { Expr } from "sqlite3-parser";
import { lower } from "../language/documents.ts";
import { type Node, rewrite } from "../language/tree.ts";
import { id, text } from "./make.ts";

/**
 * A condition with every plain key of metadata written as `metadata->>'key'`, which is how the indexes of shards have it:
 * `metadata->>'$.key'` and `json_extract(metadata, '$.key')` have the same value. Only where it is compared: elsewhere a
 * function could tell the difference.
 */
export const indexable = (condition: Expr): Expr =>
  rewrite(condition, (node) => {
    if (!comparing.has(node.type)) return undefined;
    const fields = Object.entries(node).map(([name, value]: [string, unknown]) => [name, compared(value)] as const);
    return Object.fromEntries(fields) as unknown as Node;
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
  return {
    type: "BinaryExpr",
    op: "ArrowRightShift",
    left: id("metadata"),
    right: text(key),
    span: expr.span,
  } satisfies Expr;
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

import type { Expr, FunctionCallExpr, Select } from "sqlite3-parser";
import { lower } from "../language/documents.ts";
import { timeFunctions } from "../language/functions.ts";
import type { Bindings } from "../language/parameters.ts";
import { type Node, rewrite } from "../language/tree.ts";
import { call, collate, text } from "./make.ts";

/**
 * The statement with `now` fixed to one moment, `YYYY-MM-DD HH:MM:SS.SSS`: in CURRENT_TIMESTAMP and its like, and
 * wherever a time function would read the clock. So all parts of a query, in all processes, have the same now.
 */
export function fixMoment(select: Select, moment: string, bindings: Bindings): Select {
  const replace = (node: Node): Node | undefined => {
    if (node.type === "CurrentTimestampLiteral") return text(moment.slice(0, 19));
    if (node.type === "CurrentDateLiteral") return text(moment.slice(0, 10));
    if (node.type === "CurrentTimeLiteral") return text(moment.slice(11, 19));
    if (node.type !== "FunctionCallExpr") return undefined;
    const first = timeFunctions.get(lower(node.name.name));
    if (first === undefined) return undefined;
    const args = (node.args ?? []).map((arg) => rewrite(arg, replace));
    return { ...node, args: withMoment(node, args, first, moment, bindings) };
  };
  return rewrite(select, replace);
}

function withMoment(
  { name }: FunctionCallExpr,
  args: readonly Expr[],
  first: number,
  moment: string,
  bindings: Bindings,
): readonly Expr[] {
  // Without a time the clock is read; strftime wants its format first.
  if (args.length === first) return [...args, text(moment)];
  const times = lower(name.name) === "timediff" ? [0, 1] : [first];
  return args.map((arg, at) => (times.includes(at) ? fixed(arg, moment, bindings) : arg));
}

function fixed(arg: Expr, moment: string, bindings: Bindings): Expr {
  const known =
    arg.type === "StringLiteral"
      ? arg.value
      : arg.type === "VariableExpr"
        ? bindings.get(Number(arg.name.slice(2)))
        : undefined;
  if (typeof known === "string") return lower(known) === "now" ? text(moment) : arg;
  if (arg.type === "VariableExpr" || arg.type === "NumericLiteral") return arg;
  // Only a row can tell whether it says now.
  const saysNow: Expr = {
    type: "BinaryExpr",
    op: "Equals",
    left: collate(arg, "nocase"),
    right: text("now"),
    span: arg.span,
  };
  return call("iif", [saysNow, text(moment), arg]);
}

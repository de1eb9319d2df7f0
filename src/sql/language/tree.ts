import type { AstNode } from "sqlite3-parser";

/** A node of SQLite's grammar; plain data, never changed. */
export type Node = AstNode;

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";

/** A call's own name is no name of a column, so it is not a child. */
const isOwnName = (node: Node, field: string): boolean => field === "name" && node.type.startsWith("FunctionCall");

/** The nodes right below, in the order of the tree's fields. */
export function childrenOf(node: Node): readonly Node[] {
  const found: Node[] = [];
  for (const [field, value] of Object.entries(node) as [string, unknown][]) {
    if (isOwnName(node, field)) continue;
    if (isNode(value)) found.push(value);
    else if (Array.isArray(value)) for (const item of value) if (isNode(item)) found.push(item);
  }
  return found;
}

/** Calls `enter` for a node and all below it; below one for which it returns false it does not look. */
export function walk(root: Node, enter: (node: Node) => unknown): void {
  const waiting: Node[] = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (enter(node) !== false) waiting.push(...childrenOf(node));
  }
}

export function someNode(root: Node, test: (node: Node) => boolean): boolean {
  let found = false;
  walk(root, (node) => {
    found ||= test(node);
    return !found;
  });
  return found;
}

/** The tree with every node that `replace` has an answer for put in its place; what it returned is not looked into. */
export function rewrite<T extends Node>(root: T, replace: (node: Node) => Node | undefined): T {
  const replaced = replace(root);
  if (replaced !== undefined) return replaced as T;
  let changed = false;
  const fields = Object.entries(root).map(([name, value]: [string, unknown]) => {
    const next = isOwnName(root, name) ? value : rewriteField(value, replace);
    changed ||= next !== value;
    return [name, next] as const;
  });
  return changed ? (Object.fromEntries(fields) as unknown as T) : root;
}

function rewriteField(value: unknown, replace: (node: Node) => Node | undefined): unknown {
  if (isNode(value)) return rewrite(value, replace);
  if (!Array.isArray(value)) return value;
  const items = value as readonly unknown[];
  const next = items.map((item) => (isNode(item) ? rewrite(item, replace) : item));
  return next.some((item, at) => item !== items[at]) ? next : value;
}

/** Levels of nodes below each other. Does not recurse: it guards what does. */
export function depthOf(root: Node): number {
  let depth = 0;
  for (let level: readonly Node[] = [root]; level.length > 0; level = level.flatMap(childrenOf)) depth++;
  return depth;
}

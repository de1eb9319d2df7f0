import type { FromClause, Select, SelectFrom, TableSelectTable } from "sqlite3-parser";
import { documentsName, lower } from "../language/documents.ts";
import { childrenOf, type Node } from "../language/tree.ts";

/** One place where a statement reads `documents`. */
export interface Source {
  /** The name that its columns are qualified with. */
  readonly alias: string;
  /** The SELECT whose FROM it stands in; undefined for `x IN documents`. */
  readonly within: SelectFrom | undefined;
  readonly table: Node;
}

/** Every place where a statement reads the documents, not a common table expression of that name. */
export function sourcesOf(select: Select): readonly Source[] {
  const found: Source[] = [];
  visit(select, undefined, new Set(), found);
  return found;
}

function visit(node: Node, within: SelectFrom | undefined, hidden: ReadonlySet<string>, found: Source[]): void {
  const inner = node.type === "Select" && node.with !== undefined ? shadowed(node, hidden) : hidden;
  if (node.type === "TableSelectTable" && isDocuments(node.tblName.objName.text, inner)) {
    found.push({ alias: aliasOf(node), within, table: node });
  }
  if (node.type === "InTableExpr" && node.args === undefined && isDocuments(node.rhs.objName.text, inner)) {
    found.push({ alias: documentsName, within: undefined, table: node });
  }
  const from = node.type === "SelectFrom" ? node : node.type === "Select" ? undefined : within;
  for (const child of childrenOf(node)) visit(child, from, inner, found);
}

const isDocuments = (name: string, hidden: ReadonlySet<string>): boolean =>
  lower(name) === documentsName && !hidden.has(documentsName);

const shadowed = (select: Select, hidden: ReadonlySet<string>): ReadonlySet<string> =>
  new Set([...hidden, ...(select.with?.ctes ?? []).map(({ tblName }) => lower(tblName.text))]);

export const aliasOf = ({ tblName, alias }: TableSelectTable): string =>
  lower(alias?.name.text ?? tblName.objName.text);

/** The SELECT's only table, when it reads the documents and nothing else. */
export function onlySource({ from }: SelectFrom): TableSelectTable | undefined {
  return from !== undefined && isSingle(from) && from.select?.type === "TableSelectTable" ? from.select : undefined;
}

const isSingle = ({ joins }: FromClause): boolean => joins === undefined || joins.length === 0;

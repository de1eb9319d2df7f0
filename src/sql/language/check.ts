import type { FunctionCallExpr, FunctionCallStarExpr, QualifiedName, Select, With } from "sqlite3-parser";
import { MosaicError, nearest } from "../../base/index.ts";
import { documentsName, lower, rowNumberNames } from "./documents.ts";
import { notAllowed } from "./errors.ts";
import { allFunctions, jsonTables, searchTables } from "./functions.ts";
import { childrenOf, type Node } from "./tree.ts";

/** What a query may be made of. Whatever the grammar knows beyond this is refused without being understood. */
const allowedNodes: ReadonlySet<string> = new Set([
  ..."Select CompoundSelect SelectFrom SelectValues ValuesRow With CommonTableExpr IndexedColumn".split(" "),
  ..."ExprResultColumn StarResultColumn TableStarResultColumn AsAs ElidedAs Name Id QualifiedName".split(" "),
  ..."FromClause JoinedSelectTable CommaJoinOperator TypedJoinJoinOperator OnJoinConstraint".split(" "),
  ..."UsingJoinConstraint TableSelectTable TableCallSelectTable SelectSelectTable SubSelectTable".split(" "),
  ..."SortedColumn Limit FunctionTail WindowDef Window FrameClause WindowOver NameOver".split(" "),
  ..."CurrentRowFrameBound FollowingFrameBound PrecedingFrameBound UnboundedFollowingFrameBound".split(" "),
  ..."UnboundedPrecedingFrameBound SortListFunctionCallOrder WithinGroupFunctionCallOrder".split(" "),
  ..."BetweenExpr BinaryExpr CaseExpr WhenThen CastExpr CollateExpr ExistsExpr FunctionCallExpr".split(" "),
  ..."FunctionCallStarExpr InListExpr InSelectExpr InTableExpr IsNullExpr LikeExpr NotNullExpr".split(" "),
  ..."ParenthesizedExpr QualifiedExpr SubqueryExpr UnaryExpr VariableExpr Type MaxSizeTypeSize".split(" "),
  ..."TypeSizeTypeSize NumericLiteral StringLiteral BlobLiteral NullLiteral CurrentDateLiteral".split(" "),
  ..."CurrentTimeLiteral CurrentTimestampLiteral".split(" "),
]);

const collations: ReadonlySet<string> = new Set(["binary", "nocase", "rtrim"]);
const reservedTable =
  /^(search |sqlite_|pragma_|dbstat|sqlite|vec_|fts|rtree|geopoly|bytecode|tables_used|stmt$|completion$)/;

/** Names of the common table expressions that are in force. */
type Scope = ReadonlySet<string>;

/** Throws `sql_not_allowed`, `unknown_table` or `unknown_function` unless all of the query is on the lists above. */
export function checkQuery(select: Select): void {
  check(select, new Set());
}

function check(node: Node, scope: Scope): void {
  if (!allowedNodes.has(node.type)) throw notAllowed(`This part of SQL is not available: ${wordsOf(node.type)}.`);
  checkNode(node, scope);
  const inner = node.type === "Select" && node.with !== undefined ? withNames(node.with, scope) : scope;
  for (const child of childrenOf(node)) check(child, inner);
}

const wordsOf = (type: string): string => type.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();

function withNames({ ctes }: With, scope: Scope): Scope {
  const names = ctes.map(({ tblName }) => lower(tblName.text));
  const reserved = names.find((name) => reservedTable.test(name));
  if (reserved !== undefined) throw notAllowed(`The name ${JSON.stringify(reserved)} is reserved.`);
  return new Set([...scope, ...names]);
}

function checkNode(node: Node, scope: Scope): void {
  switch (node.type) {
    case "Id":
      refuseRowNumber(node.name);
      return;
    case "QualifiedExpr":
      if (node.schema !== undefined) throw notAllowed("Name columns as table.column, without a schema.");
      refuseRowNumber(node.column.text);
      return;
    case "UsingJoinConstraint":
      node.columns.forEach(({ text }) => refuseRowNumber(text));
      return;
    case "TableSelectTable":
      if (node.indexed !== undefined) throw notAllowed("INDEXED BY and NOT INDEXED are not available.");
      checkTable(node.tblName, scope);
      return;
    case "TableCallSelectTable":
      checkTableCall(node.tblName);
      return;
    case "InTableExpr":
      if (node.args === undefined) checkTable(node.rhs, scope);
      else checkTableCall(node.rhs);
      return;
    case "FunctionCallExpr":
    case "FunctionCallStarExpr":
      checkFunction(node);
      return;
    case "CollateExpr":
      if (!collations.has(lower(node.collation))) throw notAllowed("The collations are BINARY, NOCASE and RTRIM.");
      return;
    case "Type":
      if (!/^[A-Za-z_][\w ]*$/.test(node.name)) throw notAllowed("A type is a plain word, such as INTEGER.");
      return;
    case "LikeExpr":
      if (node.op === "Match" || node.op === "Regexp") throw notAllowed("MATCH and REGEXP are not available.");
      return;
  }
}

function refuseRowNumber(name: string): void {
  if (!rowNumberNames.has(lower(name))) return;
  throw notAllowed("Rows have no numbers: documents lie in many files. Use id.");
}

function checkTable({ dbName, objName }: QualifiedName, scope: Scope): void {
  if (dbName !== undefined) throw notAllowed("Name tables without a schema.");
  const name = lower(objName.text);
  if (name === documentsName || scope.has(name)) return;
  if (jsonTables.has(name) || searchTables.has(name)) {
    throw notAllowed(`${name} takes arguments: write ${name}(…).`);
  }
  throw unknownTable(name, [documentsName, ...scope]);
}

function checkTableCall({ dbName, objName }: QualifiedName): void {
  if (dbName !== undefined) throw notAllowed("Name tables without a schema.");
  const name = lower(objName.text);
  if (!jsonTables.has(name) && !searchTables.has(name)) throw unknownTable(name, [...jsonTables, ...searchTables]);
}

function unknownTable(name: string, known: readonly string[]): MosaicError {
  if (reservedTable.test(name)) return notAllowed(`The table ${JSON.stringify(name)} is out of reach.`);
  const detail = `There is no table ${JSON.stringify(name)}${meant(name, known)}; the documents are in \`documents\`.`;
  return new MosaicError("invalid", "read SQL", { code: "unknown_table", detail });
}

function checkFunction({ name: { name } }: FunctionCallExpr | FunctionCallStarExpr): void {
  const word = lower(name);
  if (allFunctions.has(word)) return;
  if (hiddenFunctions.test(word)) throw notAllowed(`The function ${JSON.stringify(word)} is out of reach.`);
  const detail = `There is no function ${JSON.stringify(word)}${meant(word, [...allFunctions])}.`;
  throw new MosaicError("invalid", "read SQL", { code: "unknown_function", detail });
}

const hiddenFunctions =
  /^(load_extension|writefile|readfile|edit|sqlite_|fts|vec|geopoly|rtree|changes|total_changes|last_insert|match|snippet|offsets|optimize|bm25|highlight|subtype)/;

/** ` (did you mean …?)`, or nothing. */
export function meant(word: string, known: readonly string[]): string {
  const name = nearest(word, known);
  return name === undefined ? "" : ` (did you mean ${name}?)`;
}

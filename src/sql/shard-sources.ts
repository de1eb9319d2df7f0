import type { Expr } from "sqlite3-parser";
import type { FailedShard, SqlHelp, SqlShard, WholeDocument } from "./data.ts";
import { opened } from "./plan/simple.ts";
import type { LeafPlan } from "./plan/sql-plan.ts";
import type { BoundValues, ShardUnit, Unit } from "./process/messages.ts";
import { wholeRows } from "./tail-rows.ts";
import { unitOf } from "./units.ts";

/** More documents than these are not read one by one: their blocks would be a good part of the file. */
const mostPoints = 200;

/** What leaves read of the shards: files, and documents of files that are elsewhere. */
export interface ShardSources {
  readonly units: readonly ShardUnit[];
  readonly documents: readonly WholeDocument[];
  readonly failed: readonly FailedShard[];
}

/** A statement that can only match a few ids reads these, by range, of files that are not here; others fetch the files. */
export async function sourcesOfShards(
  shards: readonly SqlShard[],
  { conjuncts, columns }: Pick<LeafPlan, "conjuncts" | "columns">,
  values: BoundValues,
  help: SqlHelp,
): Promise<ShardSources> {
  const ids = conjuncts.map((conjunct) => idsIn(conjunct, values)).find((found) => found !== undefined);
  const far = ids === undefined || ids.length > mostPoints ? [] : await farOnes(shards, help);
  const near = shards.filter((shard) => !far.includes(shard));
  const [units, points] = await Promise.all([
    Promise.all(near.map((shard) => unitOf(shard, columns, help))),
    far.length === 0 ? nothing : help.documents(ids ?? [], new Set(far.map(({ id }) => id))),
  ]);
  return {
    units: units.filter((found) => "kind" in found),
    documents: points.documents,
    failed: [...units.filter((found) => "error" in found), ...points.failed],
  };
}

const nothing = { documents: [], failed: [] };

/** A file that can't be had counts as near: whoever opens it says why. */
async function farOnes(shards: readonly SqlShard[], help: SqlHelp): Promise<readonly SqlShard[]> {
  const isNear = async ({ file, unreadable }: SqlShard): Promise<boolean> =>
    unreadable !== undefined ||
    (await help.nearFile(file).then(
      (found) => found !== undefined,
      () => true,
    ));
  const near = await Promise.all(shards.map(isNear));
  return shards.filter((_shard, at) => !near[at]);
}

/** The ids that a conjunct leaves: of `id = …`, `id IN (…)` and the planner's own list of a search's. */
function idsIn(conjunct: Expr, values: BoundValues): readonly string[] | undefined {
  const expr = opened(conjunct);
  if (expr.type === "BinaryExpr" && expr.op === "Equals") {
    if (isId(expr.left)) return texts([expr.right], values);
    return isId(expr.right) ? texts([expr.left], values) : undefined;
  }
  if (expr.type === "InListExpr" && !expr.not && isId(expr.lhs)) return texts(expr.rhs ?? [], values);
  if (expr.type !== "InSelectExpr" || expr.not || !isId(expr.lhs)) return undefined;
  const table = expr.rhs.select.type === "SelectFrom" ? expr.rhs.select.from?.select : undefined;
  const [json] = table?.type === "TableCallSelectTable" ? (texts(table.args ?? [], values) ?? []) : [];
  return json === undefined ? undefined : (JSON.parse(json) as readonly string[]);
}

const isId = (expr: Expr): boolean => expr.type === "Id" && expr.name === "id";

/** The values of constants when all of them are texts. */
function texts(exprs: readonly Expr[], values: BoundValues): readonly string[] | undefined {
  const found = exprs.map((expr) => {
    const plain = opened(expr);
    if (plain.type === "StringLiteral") return plain.value;
    return plain.type === "VariableExpr" ? values[plain.name.slice(1)] : undefined;
  });
  return found.every((value) => typeof value === "string") ? found : undefined;
}

/** Documents that come with the job, of shards and of the tail. */
export const unitOfRows = (
  documents: readonly WholeDocument[],
  tail: Extract<Unit, { kind: "rows" }>["rows"],
): Unit => ({
  kind: "rows",
  rows: [...wholeRows(documents), ...tail],
});

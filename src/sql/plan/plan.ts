import type { Select } from "sqlite3-parser";
import type { Bindings } from "../language/parameters.ts";
import { gatherPlan } from "./gather.ts";
import { pushPlan } from "./push.ts";
import type { WantedSearch } from "./searches.ts";
import { simpleOf } from "./simple.ts";
import { sourcesOf } from "./sources.ts";
import { splitPlan } from "./split.ts";
import type { SqlPlan } from "./sql-plan.ts";
import { withComparedRows } from "./value-rows.ts";

/** The cheapest of the three ways that gives SQLite's own answer. The statement is checked, numbered and valid. */
export function planQuery(written: Select, bindings: Bindings, searches: readonly WantedSearch[]): SqlPlan {
  const select = withComparedRows(written);
  const sources = sourcesOf(select);
  const found = new Map(searches.map(({ name, idsNumber }) => [name, idsNumber]));
  const simple = simpleOf(select, sources);
  if (simple === undefined) return gatherPlan(select, sources, found);
  return (simple.aggregates ? splitPlan(simple) : pushPlan(simple, bindings)) ?? gatherPlan(select, sources, found);
}

import type { Root, TextSearch } from "../search/index.ts";
import type { EngineParts } from "./collection.ts";
import type { Reads } from "./reads.ts";
import type { Sql } from "./sql.ts";

export interface SearchParts {
  readonly parts: EngineParts;
  readonly reads: Reads;
  readonly root: Root;
  readonly text: TextSearch;
  readonly sql: Sql;
}

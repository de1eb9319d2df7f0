import { constants, DatabaseSync, type StatementSync } from "node:sqlite";
import { LRUCache } from "lru-cache";
import { getLoadablePath } from "sqlite-vec";
import { allFunctions, jsonTables } from "../language/functions.ts";
import type { RunLimits } from "./limits.ts";

/** Tables that a user's statement may read, and where it may write: `schema.table`. */
export interface Reach {
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
}

const operators: ReadonlySet<string> = new Set(["->", "->>"]);
/** Compiling a statement costs more than a look-up by id. */
const keptStatements = 50;

/**
 * A connection on an empty database in memory, on which statements made from a user's run. While `guarded` runs,
 * SQLite asks before it compiles anything: only reads, functions and tables within reach pass. That is the third fence,
 * after the lists of check.ts and the printing of the tree.
 */
export class Connection {
  readonly db: DatabaseSync;
  readonly #statements = new LRUCache<string, StatementSync>({ max: keptStatements });
  #reach: Reach | undefined;

  constructor({ valueMaxBytes, patternMaxBytes }: RunLimits) {
    this.db = new DatabaseSync(":memory:", {
      allowExtension: true,
      defensive: true,
      enableDoubleQuotedStringLiterals: false,
      limits: { length: valueMaxBytes, likePatternLength: patternMaxBytes, triggerDepth: 1, attach: 10 },
    });
    this.db.loadExtension(getLoadablePath());
    this.db.enableLoadExtension(false);
    this.db.exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -8192");
    this.db.setAuthorizer((action, first, second, schema) => this.#decide(action, first, second, schema));
  }

  guarded<T>(reach: Reach, task: () => T): T {
    this.#reach = reach;
    try {
      return task();
    } finally {
      this.#reach = undefined;
    }
  }

  /**
   * Runs what `task` does with a statement, within reach: SQLite compiles a statement anew when tables or views have
   * changed since, and asks again. Parameters that it does not name may be bound.
   */
  with<T>(sql: string, reach: Reach, task: (statement: StatementSync) => T): T {
    return this.guarded(reach, () => {
      const known = this.#statements.get(sql) ?? this.db.prepare(sql);
      known.setAllowUnknownNamedParameters(true);
      this.#statements.set(sql, known);
      return task(known);
    });
  }

  close(): void {
    this.#statements.clear();
    this.db.close();
  }

  #decide(action: number, first: string | null, second: string | null, schema: string | null): number {
    const reach = this.#reach;
    if (reach === undefined) return constants.SQLITE_OK;
    const table = `${schema ?? ""}.${first ?? ""}`;
    const may =
      action === constants.SQLITE_SELECT ||
      action === constants.SQLITE_RECURSIVE ||
      (action === constants.SQLITE_FUNCTION && mayCall(second ?? "")) ||
      (action === constants.SQLITE_READ && (reach.reads.has(table) || mayRead(first ?? "", second, schema))) ||
      (action === constants.SQLITE_INSERT && reach.writes.has(table));
    return may ? constants.SQLITE_OK : constants.SQLITE_DENY;
  }
}

const mayCall = (name: string): boolean => allFunctions.has(name.toLowerCase()) || operators.has(name);

/** JSON tables. And rows that are only counted: SQLite then names no column, and neither schema nor what a name means. */
const mayRead = (name: string, column: string | null, schema: string | null): boolean =>
  jsonTables.has(name) || (column === "" && schema === null && !/^(sqlite_|pragma_|dbstat)/i.test(name));

import { constants, DatabaseSync } from "node:sqlite";
import { getLoadablePath } from "sqlite-vec";
import { allFunctions, jsonTables } from "../language/functions.ts";
import type { RunLimits } from "./limits.ts";

/** Tables that a user's statement may read, and where it may write: `schema.table`. */
export interface Reach {
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
}

const operators: ReadonlySet<string> = new Set(["->", "->>"]);

/**
 * A connection on an empty database in memory, on which statements made from a user's run. While `guarded` runs,
 * SQLite asks before it compiles anything: only reads, functions and tables within reach pass. That is the third fence,
 * after the lists of check.ts and the printing of the tree.
 */
export class Connection {
  readonly db: DatabaseSync;
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

  close(): void {
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

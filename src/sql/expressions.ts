import type { Clock } from "../base/index.ts";
import { readExpression } from "./condition.ts";
import type { SqlHelp, WholeDocument } from "./data.ts";
import { momentOf, valuesOf } from "./filters.ts";
import type { Parameters } from "./language/parameters.ts";
import { print } from "./language/print.ts";
import type { SqlPool } from "./process/pool.ts";
import { wholeRows } from "./tail-rows.ts";

/** Values of SQL expressions over documents that were found. */
export class Expressions {
  readonly #pool: SqlPool;
  readonly #clock: Clock;

  constructor({ pool, clock }: { readonly pool: SqlPool; readonly clock: Clock }) {
    this.#pool = pool;
    this.#clock = clock;
  }

  /** The expression's number for each document; null where it has none. */
  async evaluate(
    expression: { readonly sql: string; readonly params?: Parameters },
    documents: readonly WholeDocument[],
    help: SqlHelp,
    timeoutMs: number,
  ): Promise<readonly (number | null)[]> {
    const read = readExpression({ name: "sql", ...expression, moment: momentOf(this.#clock) });
    const values = await valuesOf(read, help);
    const { reply } = await this.#pool.run(
      { kind: "values", rows: { kind: "rows", rows: wholeRows(documents) }, expression: print(read.expr), values },
      { leftMs: timeoutMs, timeoutMs },
    );
    return reply.values;
  }
}

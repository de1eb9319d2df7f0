import { type Clock, isMosaicError, serializeError } from "../../base/index.ts";
import { tooLarge } from "../language/errors.ts";
import { quoteName } from "../language/print.ts";
import type { Connection } from "./connection.ts";
import { failureOf, isFull } from "./failure.ts";
import type { LeafOutcome, LeafWork, Unit } from "./messages.ts";
import { type OpenUnits, unitReads } from "./open-units.ts";
import { usedBytes, withPartFile } from "./parts.ts";

export interface LeafParts {
  readonly units: OpenUnits;
  readonly clock: Clock;
}

/**
 * Runs the statement over each unit, into a table of the shared memory. Undefined when that grows beyond what memory may
 * hold: then the file is for it.
 */
export function leafInMemory(work: LeafWork, { units, clock }: LeafParts, table: string): LeafOutcome | undefined {
  try {
    let bytes = 0;
    const startedMs = clock.monotonicMs();
    const outcome = eachUnit(work, units, (connection) => {
      const reach = { reads: unitReads, writes: new Set([`memory.${table}`]) };
      const changes = connection.with(
        `INSERT INTO memory.${table} ${work.sql}`,
        reach,
        (statement) => statement.run(work.values).changes,
      );
      bytes = usedBytes(connection, "memory");
      return Number(changes);
    });
    return { ...outcome, bytes, tookMs: clock.monotonicMs() - startedMs, inFile: false };
  } catch (error) {
    if (isFull(error)) return undefined;
    throw error;
  }
}

/** The same into the file at once. */
export function leafInFile(work: LeafWork, { units, clock }: LeafParts): LeafOutcome {
  let bytes = 0;
  const startedMs = clock.monotonicMs();
  const table = quoteName(work.part.name);
  const reach = { reads: unitReads, writes: new Set([`part.${work.part.name}`]) };
  const outcome = eachUnit(work, units, (connection) =>
    withPartFile(connection, work.part, work.path, work.maxBytes, () => {
      const statement = connection.guarded(reach, () => connection.db.prepare(`INSERT INTO part.${table} ${work.sql}`));
      statement.setAllowUnknownNamedParameters(true);
      const { changes } = statement.run(work.values);
      bytes = usedBytes(connection, "part");
      return Number(changes);
    }),
  );
  return { ...outcome, bytes, tookMs: clock.monotonicMs() - startedMs, inFile: true };
}

/** A shard that can't be read is named, and the others go on; anything else ends the statement. */
function eachUnit(
  { units: all, maxRows }: LeafWork,
  units: OpenUnits,
  write: (connection: Connection) => number,
): Pick<LeafOutcome, "rows" | "failed"> {
  let rows = 0;
  const failed: { shard: string; error: ReturnType<typeof serializeError> }[] = [];
  for (const unit of all) {
    try {
      rows += units.use(unit, write);
    } catch (cause) {
      failed.push(lostShard(unit, cause));
    }
    if (rows > maxRows) throw tooLarge(`The query gathers more than ${maxRows} rows; filter more.`);
  }
  return { rows, failed };
}

/** Throws unless it is the shard's file that is to blame. */
export function lostShard(unit: Unit, cause: unknown): LeafOutcome["failed"][number] {
  const error = failureOf(cause);
  if (unit.kind !== "shard" || !isMosaicError(error, "data")) throw cause;
  return { shard: unit.shard, error: serializeError(error) };
}

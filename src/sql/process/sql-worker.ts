import { serializeError, systemClock } from "../../base/index.ts";
import type { RunLimits } from "./limits.ts";
import type { Job, Reply } from "./messages.ts";
import { OpenUnits } from "./open-units.ts";
import { RootHalf } from "./root-half.ts";
import { runJob } from "./run-job.ts";

/** Entry of a process that runs users' SQL: one job after the other, until it is killed or its parent is gone. */
export interface ProcessData {
  readonly limits: RunLimits;
  readonly verifiedFolder: string;
  readonly openShards: number;
}

const { limits, verifiedFolder, openShards } = JSON.parse(process.argv[2] ?? "{}") as ProcessData;
const units = new OpenUnits(limits, verifiedFolder, openShards);
const root = new RootHalf(limits, { units, clock: systemClock });

function answer(job: Job): Reply {
  try {
    return { result: runJob(job, { units, root }) };
  } catch (error) {
    return { error: serializeError(error) };
  }
}

process.on("message", (job: Job) => process.send?.(answer(job)));
process.on("disconnect", () => process.exit(0));
process.send?.("ready");

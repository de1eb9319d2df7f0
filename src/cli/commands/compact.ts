import type { JobInfo } from "../../engine/index.ts";
import type { Command } from "../command.ts";
import { followJob } from "../follow-job.ts";
import { durationText, plural } from "../output.ts";

export const compact: Command = {
  name: "compact",
  operands: "",
  summary: "Merges a collection's shards and orders them by meaning.",
  takes: [0, 0],
  details: "Searches and writes go on meanwhile. Ended early, it is simply run again: what it has finished stays.",
  async run(context) {
    const engine = await context.open();
    return await followJob(context, engine, await engine.compact(context.scope), verdict);
  },
};

function verdict({ progress, result }: JobInfo, elapsedMs: number): string {
  const [before = 0, after = 0] = [result?.["shards_before"], result?.["shards_after"]];
  return `${plural(before, "shard")} compacted, ${plural(after, "shard")} now; ${plural(progress.total, "document")} in ${durationText(elapsedMs)}`;
}

import type { JobInfo, PageRankOptions } from "../../engine/index.ts";
import { type Command, type Context, UsageError, wholeOption } from "../command.ts";
import { followJob } from "../follow-job.ts";
import { durationText, plural } from "../output.ts";

export const pagerank: Command = {
  name: "pagerank",
  operands: "",
  summary: "Ranks a collection's documents by the links between them.",
  takes: [0, 0],
  options: {
    damping: { type: "string", placeholder: "D", help: "chance to follow a link rather than to jump: 0.85" },
    iterations: { type: "string", placeholder: "N", help: "the most that are run, 1 to 1000: 20" },
    tolerance: { type: "string", placeholder: "T", help: "end when ranks change by less than T a document: never" },
    links: { type: "string", placeholder: "KEY", help: "key of metadata with a document's links: outbound_links" },
  },
  details:
    "Searches and writes go on meanwhile; all ranks appear together at the end. Ended early, the ranks of before stay.",
  async run(context) {
    const options = optionsOf(context);
    const engine = await context.open();
    return await followJob(context, engine, await engine.computePageRank(context.scope, options), verdict);
  },
};

function optionsOf(context: Context): PageRankOptions {
  const links = context.options["links"];
  if (links === "") throw new UsageError("--links takes the name of a key of metadata");
  return {
    damping: shareOption(context, "damping"),
    iterations: wholeOption(context, "iterations", 1, 1000),
    tolerance: shareOption(context, "tolerance"),
    links: typeof links === "string" ? links : undefined,
  };
}

/** A number from 0 to below 1, or undefined when the option was not given. */
function shareOption({ options }: Context, name: string): number | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  const value = /^[\d.]+(e-?\d+)?$/i.test(String(text)) ? Number(text) : Number.NaN;
  if (value >= 0 && value < 1) return value;
  throw new UsageError(`--${name} takes a number from 0 to below 1`);
}

function verdict({ result }: JobInfo, elapsedMs: number): string {
  const of = (name: string): number => result?.[name] ?? 0;
  const graph = `${plural(of("documents"), "document")} ranked by ${plural(of("links"), "link")}`;
  return `${graph}; ${plural(of("iterations"), "iteration")}, ${durationText(elapsedMs)}`;
}

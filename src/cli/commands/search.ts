import type { RankerSpec, SearchHit, SearchPlan, SearchRequest, SearchResponse } from "../../engine/index.ts";
import { asOfOption, type Command, type Context, choiceOption, exitDone, UsageError, wholeOption } from "../command.ts";
import { countText, durationText, table } from "../output.ts";

export const search: Command = {
  name: "search",
  operands: "TEXT",
  summary: "Finds the documents nearest in meaning, or by their words as well.",
  takes: [1, Number.POSITIVE_INFINITY],
  options: {
    limit: { type: "string", placeholder: "N", help: "results (10)" },
    where: { type: "string", placeholder: "SQL", help: "a condition over the columns of documents" },
    hybrid: { type: "boolean", help: 'by meaning and by words: "a phrase" +required -excluded begin*' },
    ranker: { type: "string", placeholder: "RANKER", help: '"full", or an object of JSON: {"scorers": [{"name": …}]}' },
    recall: { type: "string", placeholder: "LEVEL", help: "fast, balanced or exact (balanced)" },
    "as-of": { type: "string", placeholder: "WHEN", help: "what the collection held at a generation or a time" },
    explain: { type: "boolean", help: "show how scores came about, which shards were searched, and why" },
  },
  async run(context) {
    const { positionals, options, scope, json, output, open } = context;
    const limit = wholeOption(context, "limit", 1, 1000);
    const recall = choiceOption(context, "recall", ["fast", "balanced", "exact"]);
    const asOf = asOfOption(context);
    const where = options["where"];
    const ranker = rankerOption(context);
    const explain = options["explain"] === true;
    const engine = await open();
    const request: Partial<SearchRequest> = {
      query: positionals.join(" "),
      explain,
      ...(explain ? { include: ["text", "metadata", "scores"] } : {}),
      ...(ranker === undefined ? {} : { ranker }),
      ...(limit === undefined ? {} : { limit }),
      ...(recall === undefined ? {} : { recall }),
      ...(asOf === undefined ? {} : { as_of: asOf }),
      ...(typeof where === "string" ? { where } : {}),
    };
    const response = await (options["hybrid"] === true ? engine.hybrid(scope, request) : engine.search(scope, request));
    if (json) output.json(response);
    else show(context, response);
    return exitDone;
  },
};

function show({ output }: Context, { results, failed_shards: failed, stats, plan }: SearchResponse): void {
  results.forEach((hit, at) => {
    output.data(line(hit, at + 1, output.columns));
    if (plan !== undefined && hit.contributions !== undefined) output.data(partsOf(hit));
  });
  if (plan !== undefined) for (const row of planLines(plan)) output.data(row);
  for (const { shard, code, detail } of failed) output.note(`shard ${shard} did not answer (${code}): ${detail}`);
  const { took_ms: tookMs, shards_searched: searched, shards_total: total, documents_scored: scored, cost } = stats;
  output.note(
    `${durationText(tookMs)}, ${searched} of ${total} shards, ${countText(scored)} documents scored, $${cost.usd.toPrecision(2)}`,
  );
}

/** `rank  score  id  text`, cut to the terminal. */
function line({ id, score, text = "" }: SearchHit, rank: number, columns: number): string {
  const head = `${String(rank).padStart(2)}  ${score.toFixed(3)}  ${id}  `;
  const flat = text.replace(/\s+/g, " ").trim();
  const room = Math.max(20, columns - head.length);
  return head + (flat.length > room ? `${flat.slice(0, room - 1)}…` : flat);
}

/** What each scorer adds to the score, and what it says of the document. */
function partsOf({ scores = {}, contributions = {} }: SearchHit): string {
  const parts = Object.entries(scores)
    .filter(([name]) => name !== "fused")
    .map(([name, value]) => {
      const share = contributions[name];
      return `${share === undefined ? "" : `${share.toFixed(3)} by `}${name} ${valueText(value)}`;
    });
  return `      ${parts.join(", ")}`;
}

const valueText = (value: number): string => (Number.isInteger(value) ? String(value) : value.toPrecision(3));

/** A name, or JSON. What the object must be is checked where every ranker is. */
function rankerOption({ options }: Context): RankerSpec | undefined {
  const text = options["ranker"];
  if (typeof text !== "string") return undefined;
  if (!text.trimStart().startsWith("{")) return text as RankerSpec;
  try {
    return JSON.parse(text) as RankerSpec;
  } catch (cause) {
    throw new UsageError(`--ranker is no JSON: ${(cause as Error).message}`);
  }
}

function planLines({ generation, recall, tail_documents: tail, shards }: SearchPlan): readonly string[] {
  const rows = shards.map(({ shard, kept, reason, documents, cells, cells_selected: selected, strategy }) => [
    shard,
    kept ? "kept" : "dropped",
    reason,
    documents,
    `${selected}/${cells}`,
    strategy,
  ]);
  return [
    "",
    `generation ${generation}, recall ${recall}, ${countText(tail)} documents not yet in shards`,
    ...table([["shard", "", "by", "documents", "cells", "strategy"], ...rows]),
  ];
}

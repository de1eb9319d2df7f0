import type { SqlResponse, SqlWireValue } from "../../engine/index.ts";
import { type Command, type Context, exitDone, UsageError } from "../command.ts";
import { durationText, plural, table } from "../output.ts";

export const sql: Command = {
  name: "sql",
  operands: "SQL [VALUE…]",
  summary: "Answers a SELECT over the documents.",
  takes: [1, Number.POSITIVE_INFINITY],
  options: {
    csv: { type: "boolean", help: "print CSV" },
    explain: { type: "boolean", help: "show how it was answered" },
  },
  details: "VALUEs are for the parameters ?, in order: JSON where they are JSON, otherwise text.",
  async run(context) {
    const { positionals, options, scope, json, output, open } = context;
    const [statement = "", ...values] = positionals;
    if (json && options["csv"] === true) throw new UsageError("--json and --csv exclude each other");
    const engine = await open();
    const explain = options["explain"] === true;
    const response = await engine.sql(scope, { sql: statement, params: values.map(parameter), explain });
    if (json) output.json(response);
    else if (options["csv"] === true) for (const line of csv(response)) output.data(line);
    else show(context, response, explain);
    return exitDone;
  },
};

function parameter(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

const cellText = (value: SqlWireValue): string | number => {
  if (value === null) return "";
  if (typeof value !== "object") return value;
  return "$int" in value ? value.$int : `<${Buffer.from(value.$blob, "base64").length} bytes>`;
};

function show({ output }: Context, response: SqlResponse, explain: boolean): void {
  const { columns, rows, row_count: count, failed_shards: failed, stats } = response;
  // The answer to EXPLAIN is its plan, which is not to be cut short, nor shown twice.
  const isPlan = response.plan !== undefined && !explain;
  const plan = isPlan ? undefined : response.plan;
  const cells = rows.map((row) => row.map((value) => (isPlan ? cellText(value) : flat(cellText(value)))));
  for (const line of table([columns.map(({ name }) => flat(name)), ...cells])) output.data(String(line));
  for (const { shard, code, detail } of failed) output.note(`shard ${shard} did not answer (${code}): ${detail}`);
  if (plan !== undefined) {
    const facts: [string, string][] = [
      ["strategy", plan.strategy],
      ["leaf", plan.leaf ?? "-"],
      ["root", plan.root],
      ["pushed", plan.pushed.join(" AND ") || "-"],
      ["columns", plan.columns.join(", ") || "-"],
      ...plan.shards.map(({ shard, kept, reason }): [string, string] => [
        `shard ${shard}`,
        `${kept ? "kept" : "dropped"}: ${reason}`,
      ]),
    ];
    for (const line of table(facts)) output.note(line);
  }
  const { took_ms: tookMs, shards_searched: searched, shards_total: total } = stats;
  output.note(`${plural(count, "row")}, ${durationText(tookMs)}, ${searched} of ${total} shards`);
}

const longest = 60;

/** A cell on one line of a table, and not too wide a one. */
function flat(value: string | number): string | number {
  if (typeof value === "number") return value;
  const line = value.replace(/\s+/g, " ");
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}

/** RFC 4180. NULL is an empty field, the empty text a quoted one; blobs are base64. */
function* csv({ columns, rows }: SqlResponse): Generator<string> {
  yield columns.map(({ name }) => csvField(name)).join(",");
  for (const row of rows) yield row.map(csvField).join(",");
}

function csvField(value: SqlWireValue): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  if (typeof value === "object") return "$int" in value ? value.$int : value.$blob;
  return value === "" || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

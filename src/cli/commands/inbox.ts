import type { FileStatus, Mosaic, Swept } from "../../engine/index.ts";
import { type Command, type Context, exitDone, exitFailed } from "../command.ts";
import { bytesText, countText, plural, table } from "../output.ts";

export const inbox: Command = {
  name: "inbox",
  operands: "",
  summary: "Shows which files were dropped into the inbox and what became of them; --take reads those that wait.",
  takes: [0, 0],
  options: { take: { type: "boolean", help: "read what waits, store it, move it to processed/ or failed/" } },
  details: [
    "Files belong below inbox/TENANT/COLLECTION/ of the storage: .ndjson, .json, .csv, .md, .txt, each also .gz.",
    "A server on a folder reads them by itself (INBOX_POLL_MS), on AWS an event does. The exit code is 1 when a file failed.",
  ].join("\n"),
  async run(context) {
    const engine = await context.open();
    return context.options["take"] === true ? await take(context, engine) : await list(context, engine);
  },
};

async function take({ tenant, json, output }: Context, engine: Mosaic): Promise<number> {
  const swept = await engine.inbox.sweep({ tenant, settledMs: 0, impatient: true });
  if (json) output.json(swept.taken);
  else for (const line of linesOf(swept)) output.data(line);
  for (const { key, error } of swept.failed) output.note(`mosaic: ${key}: ${error.detail}`);
  const isWell = swept.failed.length === 0 && swept.taken.every(({ status }) => status !== "failed");
  return isWell ? exitDone : exitFailed;
}

const linesOf = ({ taken }: Swept): readonly string[] =>
  taken.map((one) =>
    "target" in one
      ? `${one.target}: ${plural(one.accepted, "document")} stored, ${countText(one.refused)} refused`
      : `${one.key}: ${one.status}`,
  );

async function list({ tenant, json, output }: Context, engine: Mosaic): Promise<number> {
  const files = await all(engine, tenant);
  if (json) output.json(files);
  else for (const line of table(files.map(row))) output.data(line);
  return exitDone;
}

async function all(engine: Mosaic, tenant: Context["tenant"]): Promise<readonly FileStatus[]> {
  const files: FileStatus[] = [];
  for (let after: string | null = ""; after !== null; ) {
    const page: Awaited<ReturnType<Mosaic["inboxFiles"]>> = await engine.inboxFiles(tenant, { after, limit: 1000 });
    files.push(...page.files);
    after = page.next;
  }
  return files;
}

const row = ({ file, status, bytes, accepted, refused, fault }: FileStatus): readonly string[] => [
  status,
  file,
  bytesText(bytes),
  plural(accepted, "document"),
  `${countText(refused)} refused`,
  fault?.detail ?? "",
];

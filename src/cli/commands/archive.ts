import { type ArchiveClass, archiveClasses, restoreSpeeds } from "../../base/index.ts";
import type { JobInfo } from "../../engine/index.ts";
import { type Command, type Context, choiceOption, type OptionSpec, UsageError } from "../command.ts";
import { followJob } from "../follow-job.ts";
import { durationText, plural } from "../output.ts";

const shard: OptionSpec = { type: "string", placeholder: "ID[,ID…]", help: "these shards, as mosaic stats lists them" };

export const archive: Command = {
  name: "archive",
  operands: "",
  summary: "Moves shards into a colder class of storage, by age or by id.",
  takes: [0, 0],
  options: {
    "older-than": { type: "string", placeholder: "90d", help: "shards whose newest document is older (d or h)" },
    shard,
    class: { type: "string", placeholder: "NAME", help: `${archiveClasses.join(", ")} (ARCHIVE_CLASS, GLACIER_IR)` },
  },
  details:
    "What lies in GLACIER or DEEP_ARCHIVE must be restored before it can be searched; the others are read as they are.",
  async run(context) {
    const olderThan = textOption(context, "older-than");
    const shards = shardsOption(context);
    if ((olderThan === undefined) === (shards === undefined))
      throw new UsageError("give either --older-than or --shard");
    const storageClass = classOption(context);
    const engine = await context.open();
    const begun = await engine.archive(context.scope, {
      ...(olderThan === undefined ? {} : { older_than: olderThan }),
      ...(shards === undefined ? {} : { shards }),
      ...(storageClass === undefined ? {} : { storage_class: storageClass }),
    });
    return await followJob(context, engine, begun, verdict("archived"));
  },
};

export const restore: Command = {
  name: "restore",
  operands: "",
  summary: "Brings archived shards back; all of them, unless some are named.",
  takes: [0, 0],
  options: {
    shard,
    speed: { type: "string", placeholder: "NAME", help: `${restoreSpeeds.join(", ")} (standard)` },
    wait: { type: "boolean", help: "stay until all of them are back, which takes hours for some classes" },
  },
  details: "Asking again does no harm. Without --wait a server of this storage goes on, or the next mosaic restore.",
  async run(context) {
    const shards = shardsOption(context);
    const speed = choiceOption(context, "speed", restoreSpeeds);
    const wait = context.options["wait"] === true;
    const engine = await context.open();
    const begun = await engine.restore(context.scope, {
      ...(shards === undefined ? {} : { shards }),
      ...(speed === undefined ? {} : { speed }),
    });
    return await followJob(context, engine, begun, verdict("restored"), { wait });
  },
};

function textOption({ options }: Context, name: string): string | undefined {
  const given = options[name];
  return typeof given === "string" ? given : undefined;
}

function shardsOption(context: Context): readonly string[] | undefined {
  const given = textOption(context, "shard");
  if (given === undefined) return undefined;
  const ids = given
    .split(",")
    .map((id) => id.trim())
    .filter(Boolean);
  // None at all would be taken for "all" by one and for "nothing" by another.
  if (ids.length > 0) return ids;
  throw new UsageError("--shard takes ids, with commas between them; mosaic stats lists them");
}

function classOption(context: Context): ArchiveClass | undefined {
  if (context.options["class"] === "STANDARD")
    throw new UsageError("STANDARD is where shards come from: mosaic restore brings them back");
  return choiceOption(context, "class", archiveClasses);
}

const verdict =
  (what: "archived" | "restored") =>
  ({ result }: JobInfo, elapsedMs: number): string =>
    `${plural(result?.[`shards_${what}`] ?? 0, "shard")} ${what} in ${durationText(elapsedMs)}`;

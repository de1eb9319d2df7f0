import { epochMsOf, type KeyRole, parseTimestamp } from "../../base/index.ts";
import type { KeyInfo } from "../../engine/index.ts";
import { type Command, type Context, choiceOption, exitDone, UsageError } from "../command.ts";
import { table } from "../output.ts";

const roles: readonly KeyRole[] = ["read", "write", "admin"];

export const keys: Command = {
  name: "keys",
  operands: "create|list|revoke [ID]",
  summary: "Makes, lists and revokes API keys, which lie hashed in the storage.",
  takes: [1, 2],
  options: {
    role: { type: "string", placeholder: "ROLE", help: "of a new key: read, write (default) or admin" },
    name: { type: "string", placeholder: "TEXT", help: "of a new key: who or what will use it" },
    expires: {
      type: "string",
      placeholder: "TIME",
      help: "of a new key: when it ends, in ISO 8601; never, when left out",
    },
  },
  details: [
    "create prints the key, which nobody can read again. list shows the keys of all tenants, or of --tenant.",
    "revoke takes an id of list, or its beginning; servers refuse the key within KEY_CACHE_MS (a minute).",
  ].join("\n"),
  async run(context) {
    const [verb, id] = context.positionals;
    if (verb === "create" && id === undefined) return await create(context);
    if (verb === "list" && id === undefined) return await list(context);
    if (verb === "revoke" && id !== undefined) return await revoke(context, id);
    throw new UsageError("say create, list, or revoke ID");
  },
};

async function create(context: Context): Promise<number> {
  const { tenant, options, json, output, open } = context;
  const role = choiceOption(context, "role", roles) ?? "write";
  const name = typeof options["name"] === "string" ? options["name"] : "";
  const expiresAtMs = expiryOf(options["expires"]);
  const engine = await open();
  const made = await engine.keys.create({ tenant, role, name, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) });
  if (json) output.json(made);
  else {
    output.data(made.key);
    output.note(`key ${made.id} may ${role} as ${tenant}; it is not shown again`);
  }
  return exitDone;
}

function expiryOf(given: string | boolean | undefined): number | undefined {
  if (typeof given !== "string") return undefined;
  const time = parseTimestamp(given);
  if (time === undefined) throw new UsageError("--expires takes a time in ISO 8601, such as 2030-01-01");
  return epochMsOf(time);
}

async function list(context: Context): Promise<number> {
  const { options, tenant, json, output, open } = context;
  const all = await (await open()).keys.list();
  const shown = options["tenant"] === undefined ? all : all.filter((key) => key.tenant === tenant);
  if (json) output.json(shown);
  else for (const line of table(shown.map(row))) output.data(line);
  return exitDone;
}

const row = ({ id, tenant, role, name, created_at, expires_at }: KeyInfo): readonly string[] => [
  id,
  tenant,
  role,
  created_at,
  expires_at === null ? "" : `until ${expires_at}`,
  name,
];

async function revoke({ options, tenant, json, output, open }: Context, id: string): Promise<number> {
  const engine = await open();
  const revoked = await engine.keys.revoke(id, options["tenant"] === undefined ? undefined : tenant);
  if (json) output.json(revoked);
  else output.note(`key ${revoked.id} of ${revoked.tenant} is revoked`);
  return exitDone;
}

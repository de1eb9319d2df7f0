import { startedJob } from "../answers.ts";
import { type Operation, operation } from "../operation.ts";
import { noQuery } from "../requests/addresses.ts";
import { archiveBody, restoreBody } from "../requests/lifecycle.ts";
import { given } from "../validate.ts";

const shared = { tag: "Collections", method: "post", query: noQuery, needs: "admin" } as const;

const archive = operation({
  ...shared,
  operationId: "archiveShards",
  path: "/api/v1/admin/archive",
  summary: "Move shards into a colder class of storage",
  description:
    "By age or by id. Objects of `STANDARD_IA` and `GLACIER_IR` are read as they are. Those of `GLACIER` and `DEEP_ARCHIVE` must be restored first: until then answers go without them, and say so by `archived_needs_restore`.",
  body: archiveBody,
  answers: { 202: { description: "Begun; `Location` is the job's address.", schema: startedJob } },
  problems: [
    "collection_not_found",
    "shard_not_found",
    "shards_or_older_than",
    "invalid_older_than",
    "archived_needs_restore",
  ],
  async handle({ c, engine, scope, body: { collection: _, ...request } }) {
    const job = await engine.archive(scope, given(request));
    return c.json({ job }, 202, { location: `/api/v1/jobs/${job.id}` });
  },
});

const restore = operation({
  ...shared,
  operationId: "restoreShards",
  path: "/api/v1/admin/restore",
  summary: "Bring archived shards back",
  description:
    "What must be restored first is asked for, once; the job waits until it can be read (`waits_until`), brings it back, and is done. Asking again does no harm.",
  body: restoreBody,
  answers: { 202: { description: "Begun; `Location` is the job's address.", schema: startedJob } },
  problems: ["collection_not_found", "shard_not_found", "speed_not_available"],
  async handle({ c, engine, scope, body: { collection: _, ...request } }) {
    const job = await engine.restore(scope, given(request));
    return c.json({ job }, 202, { location: `/api/v1/jobs/${job.id}` });
  },
});

export const archiveOperations: readonly Operation[] = [archive, restore];

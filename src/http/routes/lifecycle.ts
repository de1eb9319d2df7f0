import { collectionName } from "../../base/index.ts";
import { collectionInfo, garbageReport, job, startedJob } from "../answers.ts";
import { type Operation, operation } from "../operation.ts";
import { collectionQuery, noQuery } from "../requests/addresses.ts";
import { branchBody, gcBody, pageRankBody, rollbackBody } from "../requests/lifecycle.ts";
import { named } from "./collections.ts";

const ofCollection = { tag: "Collections", method: "post", query: noQuery } as const;

const compact = operation({
  ...ofCollection,
  operationId: "compactCollection",
  path: "/api/v1/collections/{name}/compact",
  summary: "Compact a collection",
  description:
    "Merges its shards, drops dead rows and orders what is left by meaning, beside searches and writes. Follow the job.",
  needs: "admin",
  answers: { 202: { description: "Begun; `Location` is the job's address.", schema: startedJob } },
  problems: ["collection_not_found"],
  async handle(call) {
    const begun = await call.engine.compact(named(call));
    return call.c.json({ job: begun }, 202, { location: `/api/v1/jobs/${begun.id}` });
  },
});

const branch = operation({
  ...ofCollection,
  operationId: "branchCollection",
  path: "/api/v1/collections/{name}/branch",
  summary: "Branch a collection off",
  description: "Makes a new collection of its shards, as of now or of a kept generation. Nothing is copied.",
  needs: "admin",
  body: branchBody,
  answers: { 201: { description: "The new collection.", schema: collectionInfo } },
  looksUp: true,
  problems: ["collection_not_found", "collection_exists", "invalid_as_of", "snapshot_gone"],
  async handle(call) {
    const { name, as_of } = call.body;
    const info = await call.engine.branch(named(call), collectionName(name), as_of);
    return call.c.json(info, 201, { location: `/api/v1/collections/${name}` });
  },
});

const rollback = operation({
  ...ofCollection,
  operationId: "rollBackCollection",
  path: "/api/v1/collections/{name}/rollback",
  summary: "Go back to a kept generation",
  description: "Makes it the next generation: what came between stays readable by `as_of` while it is kept.",
  needs: "admin",
  body: rollbackBody,
  answers: { 200: { description: "The collection as it is now.", schema: collectionInfo } },
  looksUp: true,
  problems: ["collection_not_found", "invalid_as_of", "snapshot_gone", "write_backlog"],
  handle: async (call) => call.c.json(await call.engine.rollback(named(call), call.body.as_of)),
});

const collectGarbage = operation({
  ...ofCollection,
  operationId: "collectGarbage",
  path: "/api/v1/collections/{name}/gc",
  summary: "Look for objects that nothing needs",
  description: "Only looks, unless `dry_run` is false: then it condemns them, and deletes what was condemned long ago.",
  needs: "admin",
  body: gcBody,
  answers: { 200: { description: "What was found.", schema: garbageReport } },
  problems: ["collection_not_found"],
  handle: async (call) => call.c.json(await call.engine.gc(named(call), !call.body.dry_run)),
});

const computePageRank = operation({
  operationId: "computePageRank",
  tag: "Jobs",
  method: "post",
  path: "/api/v1/admin/compute-pagerank",
  query: collectionQuery,
  summary: "Rank documents by their links",
  description:
    "Computes the PageRank of all documents, beside searches and writes. All ranks appear together when the job is done; documents that are written later have rank 0 until it is run again.",
  needs: "admin",
  body: pageRankBody,
  answers: { 202: { description: "Begun; `Location` is the job's address.", schema: startedJob } },
  problems: ["collection_not_found", "invalid_damping", "invalid_tolerance", "invalid_links"],
  async handle({ c, engine, scope, body: { collection: _named, ...options } }) {
    const begun = await engine.computePageRank(scope, options);
    return c.json({ job: begun }, 202, { location: `/api/v1/jobs/${begun.id}` });
  },
});

const ofJob = { tag: "Jobs", path: "/api/v1/jobs/{id}", query: noQuery } as const;

const getJob = operation({
  ...ofJob,
  operationId: "getJob",
  method: "get",
  summary: "Follow a job",
  needs: "read",
  answers: { 200: { description: "How far it is.", schema: job } },
  problems: ["job_not_found", "job_damaged"],
  handle: async ({ c, engine, tenant, id }) => c.json(await engine.job(tenant, id)),
});

const cancelJob = operation({
  ...ofJob,
  operationId: "cancelJob",
  method: "delete",
  summary: "Ask a job to end",
  description: "It ends between two steps; what it has finished stays. A job that is over stays as it is.",
  needs: "admin",
  answers: { 200: { description: "The job.", schema: job } },
  problems: ["job_not_found", "job_damaged"],
  handle: async ({ c, engine, tenant, id }) => c.json(await engine.cancelJob(tenant, id)),
});

export const lifecycleOperations: readonly Operation[] = [
  compact,
  branch,
  rollback,
  collectGarbage,
  computePageRank,
  getJob,
  cancelJob,
];

import { collectionName, type Scope } from "../../base/index.ts";
import { collectionInfo, collectionList, collectionStats, deletedCollection } from "../answers.ts";
import { type Call, type Operation, operation } from "../operation.ts";
import { noQuery } from "../requests/addresses.ts";
import { collectionBody } from "../requests/collections.ts";
import { given } from "../validate.ts";

/** The scope that the path names. */
export const named = ({ c, tenant }: Call<unknown, unknown>): Scope =>
  Object.freeze({ tenant, collection: collectionName(c.req.param("name") ?? "") });

const shared = { tag: "Collections", query: noQuery } as const;

const create = operation({
  ...shared,
  operationId: "createCollection",
  method: "post",
  path: "/api/v1/collections",
  summary: "Create a collection",
  description: "Only needed for settings other than the defaults: the first write creates a collection too.",
  needs: "write",
  body: collectionBody,
  answers: { 201: { description: "Created.", schema: collectionInfo } },
  problems: [
    "collection_exists",
    "not_supported",
    "wrong_dimensions",
    "embedding_model_not_allowed",
    "invalid_language",
    "invalid_ranker",
  ],
  async handle({ c, engine, tenant, body }) {
    const { name, ...spec } = body;
    const info = await engine.createCollection(
      Object.freeze({ tenant, collection: collectionName(name) }),
      given(spec),
    );
    return c.json(info, 201, { location: `/api/v1/collections/${name}` });
  },
});

const list = operation({
  ...shared,
  operationId: "listCollections",
  method: "get",
  path: "/api/v1/collections",
  summary: "List the tenant's collections",
  needs: "read",
  answers: {
    200: {
      description: "All of them, with their settings; apart, those that can't be read now, and why.",
      schema: collectionList,
    },
  },
  looksUp: true,
  problems: [],
  handle: async ({ c, engine, tenant }) => c.json(await engine.collections(tenant)),
});

const get = operation({
  ...shared,
  operationId: "getCollection",
  method: "get",
  path: "/api/v1/collections/{name}",
  summary: "Read a collection's settings",
  needs: "read",
  answers: { 200: { description: "Its settings.", schema: collectionInfo } },
  looksUp: true,
  problems: ["collection_not_found"],
  handle: async (call) => call.c.json(await call.engine.collection(named(call))),
});

const stats = operation({
  ...shared,
  operationId: "getCollectionStats",
  method: "get",
  path: "/api/v1/collections/{name}/stats",
  summary: "See what a collection holds",
  description: "Documents, bytes, shards by status, the writes not yet folded into shards (`wal`), and the cache.",
  needs: "read",
  answers: { 200: { description: "The figures.", schema: collectionStats } },
  looksUp: true,
  problems: ["collection_not_found"],
  handle: async (call) => call.c.json(await call.engine.stats(named(call))),
});

const remove = operation({
  ...shared,
  operationId: "deleteCollection",
  method: "delete",
  path: "/api/v1/collections/{name}",
  summary: "Delete a collection and everything in it",
  needs: "admin",
  answers: { 200: { description: "Deleted.", schema: deletedCollection } },
  problems: ["collection_not_found", "collection_has_branches"],
  async handle(call) {
    const scope = named(call);
    await call.engine.deleteCollection(scope);
    return call.c.json({ name: scope.collection, deleted: true });
  },
});

export const collectionOperations: readonly Operation[] = [create, list, get, stats, remove];

import { inboxPage, inboxQuery } from "../inbox-schemas.ts";
import { type Operation, operation } from "../operation.ts";

export const inboxOperations: readonly Operation[] = [
  operation({
    operationId: "listInbox",
    method: "get",
    path: "/api/v1/inbox",
    tag: "Documents",
    summary: "See which files were dropped and what became of them",
    description:
      "Files below `inbox/<tenant>/` of the storage, by name. Of refused documents the first 20 are shown; `.error.json` beside the moved file has more.",
    needs: "read",
    query: inboxQuery,
    answers: { 200: { description: "A page of files.", schema: inboxPage } },
    problems: ["inbox_state_damaged"],
    async handle({ c, engine, tenant, query }) {
      const { prefix, after, limit } = query;
      return c.json(
        await engine.inboxFiles(tenant, {
          limit,
          ...(prefix === undefined ? {} : { prefix }),
          ...(after === undefined ? {} : { after }),
        }),
      );
    },
  }),
];

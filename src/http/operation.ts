import type { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Clock, Logger, Random, Scope, Settings, TenantName } from "../base/index.ts";
import type { Engine } from "../engine/index.ts";
import type { Need } from "./access.ts";

/** What the HTTP surface is given by the process or function that runs it. */
export interface Tools {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

export type Env = { Variables: { requestId: string; startedMs: number } };

/** One request, admitted and validated. */
export interface Call<Query, Body> {
  readonly c: Context<Env>;
  readonly engine: Engine;
  readonly settings: Settings;
  readonly tools: Tools;
  readonly tenant: TenantName;
  readonly query: Query;
  readonly body: Body;
  /** The document id of the address, from path or query string. */
  readonly id: string;
  /** The tenant's collection that body or query string name; `documents` when neither does. */
  readonly scope: Scope;
}

export interface AnswerDocs {
  readonly description: string;
  /** `application/json` unless given. */
  readonly type?: string;
  readonly schema: z.ZodType;
}

/** An operation as the app runs it and the OpenAPI document tells it. */
export interface Operation<Query = unknown, Body = unknown> {
  readonly operationId: string;
  readonly method: "get" | "post" | "patch" | "delete";
  /** With `{id}` or `{name}` for the variable part, which is the last one, or before a verb such as `/stats`. */
  readonly path: string;
  readonly tag: "Documents" | "Search" | "Collections" | "Jobs" | "Service";
  readonly summary: string;
  readonly description?: string;
  readonly needs: Need;
  readonly query: z.ZodType;
  /** Read and validated as JSON before `handle`; without it the body is `handle`'s to read. */
  readonly body?: z.ZodType;
  /** What the document says the body is, by content type, where that is more than `body`. */
  readonly bodyDocs?: Readonly<Record<string, { readonly schema: z.ZodType; readonly example?: unknown }>>;
  readonly answers: Readonly<Record<number, AnswerDocs>>;
  /** Finds documents by id in the shards: what can go wrong there is said in the document. */
  readonly looksUp?: boolean;
  /** Embeds texts, or takes vectors instead. */
  readonly takesVectors?: boolean;
  /** Codes beyond those that every call of its kind may give. */
  readonly problems: readonly string[];
  readonly handle: (call: Call<Query, Body>) => Promise<Response>;
}

/** Ties the types of `handle` to the schemas, then forgets them, so that operations fit into one list. */
export function operation<Query extends z.ZodType, Body extends z.ZodType = z.ZodUndefined>(
  spec: Omit<Operation<z.output<Query>, z.output<Body>>, "query" | "body"> & {
    readonly query: Query;
    readonly body?: Body;
  },
): Operation {
  return spec as unknown as Operation;
}

import type { Context } from "hono";
import { collectionName, type Scope, type Settings, type TenantName } from "../base/index.ts";
import type { Engine } from "../engine/index.ts";
import type { gatekeeper } from "./access.ts";
import { lastSegment, queryOf } from "./address.ts";
import { contentTypeOf, readJson } from "./body.ts";
import type { Call, Env, Operation, Tools } from "./operation.ts";
import { RequestError } from "./problem.ts";
import { validated } from "./validate.ts";

export interface Surroundings {
  readonly engine: Engine;
  readonly settings: Settings;
  readonly tools: Tools;
  readonly admit: ReturnType<typeof gatekeeper>;
}

function fieldOf(value: unknown, name: string): string | undefined {
  const field = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return typeof field === "string" ? field : undefined;
}

/** Body and query string may both name the collection, if they agree: which of two to believe is not ours to guess. */
export function scopeFrom(tenant: TenantName, query: unknown, body: unknown): Scope {
  const inQuery = fieldOf(query, "collection");
  const inBody = fieldOf(body, "collection");
  if (inQuery !== undefined && inBody !== undefined && inQuery !== inBody) {
    throw new RequestError(
      "invalid",
      "ambiguous_collection",
      "Body and query string name different collections; give one.",
    );
  }
  return Object.freeze({ tenant, collection: collectionName(inBody ?? inQuery ?? "documents") });
}

async function bodyFor(c: Context, operation: Operation, maxBytes: number): Promise<unknown> {
  if (operation.body === undefined) return undefined;
  contentTypeOf(c, ["application/json"]);
  return validated(operation.body, await readJson(c, maxBytes), "body");
}

function idFor(c: Context, operation: Operation, query: unknown): string {
  if (operation.path.endsWith("{id}")) return lastSegment(c.req.url);
  return fieldOf(query, "id") ?? "";
}

/** Admits, reads and validates a request, in this order: who may not call learns nothing of what would be valid. */
export async function prepareCall(
  c: Context<Env>,
  operation: Operation,
  around: Surroundings,
): Promise<Call<unknown, unknown>> {
  const { engine, settings, tools, admit } = around;
  const tenant =
    operation.needs === "nothing" ? ("default" as TenantName) : await admit(c.req.raw.headers, operation.needs);
  const query = validated(operation.query, queryOf(c.req.url), "query");
  const id = idFor(c, operation, query);
  const body = await bodyFor(c, operation, settings.maxBodyBytes);
  return { c, engine, settings, tools, tenant, query, body, id, scope: scopeFrom(tenant, query, body) };
}

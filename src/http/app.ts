import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { asMosaicError, errorFields, type Settings } from "../base/index.ts";
import type { Engine } from "../engine/index.ts";
import { gatekeeper, hostCheck } from "./access.ts";
import { prepareCall, type Surroundings } from "./call.ts";
import { docsPage } from "./docs-page.ts";
import { openApiDocument } from "./openapi.ts";
import type { Env, Operation, Tools } from "./operation.ts";
import { problemResponse, RequestError } from "./problem.ts";
import { archiveOperations } from "./routes/archive.ts";
import { batchOperations } from "./routes/batch.ts";
import { collectionOperations } from "./routes/collections.ts";
import { documentOperations } from "./routes/documents.ts";
import { inboxOperations } from "./routes/inbox.ts";
import { lifecycleOperations } from "./routes/lifecycle.ts";
import { searchOperations } from "./routes/search.ts";
import { serviceOperations } from "./routes/service.ts";

/** Everything that the API can do; the OpenAPI document is written from this list. */
export const operations: readonly Operation[] = [
  ...documentOperations,
  ...batchOperations,
  ...searchOperations,
  ...collectionOperations,
  ...inboxOperations,
  ...lifecycleOperations,
  ...archiveOperations,
  ...serviceOperations,
];

const routingPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");

/** Methods by address, for 405: each path as a pattern of its parts. */
function methodsOf(all: readonly { readonly path: string; readonly method: string }[]): (path: string) => string[] {
  const entries = all.map(({ path, method }) => ({
    pattern: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
    method: method.toUpperCase(),
  }));
  return (path) => {
    const methods = new Set(entries.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method));
    if (methods.has("GET")) methods.add("HEAD");
    return [...methods].sort();
  };
}

const pages = ["/openapi.json", "/docs"].map((path) => ({ path, method: "get" }));

const clientId = /^[A-Za-z0-9._-]{1,128}$/;

/** Names the request, dates it, and gives every answer its headers; the rest of the app runs inside. */
const envelope = ({ clock, random, logger }: Tools) =>
  async function nameAndLog(c: Context<Env>, next: () => Promise<void>): Promise<void> {
    const given = c.req.header("x-request-id") ?? "";
    c.set("requestId", clientId.test(given) ? given : random.id(clock.now()));
    c.set("startedMs", clock.monotonicMs());
    await next();
    c.header("x-request-id", c.get("requestId"));
    c.header("x-content-type-options", "nosniff");
    c.header("cache-control", "no-store");
    const { method, path } = c.req;
    const ms = Math.round((clock.monotonicMs() - c.get("startedMs")) * 100) / 100;
    logger.debug("request", { request_id: c.get("requestId"), method, path, status: c.res.status, ms });
  };

/** The caller gets the problem document; what only operators may know goes into the log under the request id. */
const answerError = ({ logger }: Tools) =>
  function answer(thrown: Error, c: Context<Env>): Response {
    const error = asMosaicError(thrown, "answer a request");
    const response = problemResponse(error);
    const fields = { request_id: c.get("requestId"), method: c.req.method, path: c.req.path, ...errorFields(error) };
    if (response.status === 500) logger.error("request failed", fields);
    else if (error.code === "client_gone") logger.debug("client gone", fields);
    else if (response.status > 500) logger.warn("request not served", fields);
    return response;
  };

const pageHeaders = {
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
};

/**
 * The HTTP API over `engine`, as an app that takes a Request and gives a Response: a Node server, a function or a test
 * puts it where it wants.
 */
export function createApp(engine: Engine, settings: Settings, tools: Tools): OpenAPIHono<Env> {
  const app = new OpenAPIHono<Env>();
  const around: Surroundings = { engine, settings, tools, admit: gatekeeper(settings, (key) => engine.findKey(key)) };
  const checkHost = hostCheck(settings);
  let written: ReturnType<typeof openApiDocument> | undefined;
  /** Written when somebody asks for it: it takes as long as everything else that an app needs to start. */
  const document = (): ReturnType<typeof openApiDocument> => {
    written ??= openApiDocument(operations);
    return written;
  };
  const methodsAt = methodsOf([...operations, ...pages]);

  app.onError(answerError(tools));
  app.use(envelope(tools));
  app.use(async (c, next) => {
    checkHost(c.req.raw.headers, c.req.url);
    await next();
  });
  for (const operation of operations) {
    app.on(operation.method.toUpperCase(), routingPath(operation.path), async (c) =>
      operation.handle(await prepareCall(c, operation, around)),
    );
  }
  app.get("/openapi.json", (c) => c.json(document()));
  app.get("/docs", (c) => c.html(docsPage(document(), new URL(c.req.url).origin), 200, pageHeaders));
  app.notFound((c) => {
    const methods = methodsAt(new URL(c.req.url).pathname);
    if (methods.length === 0)
      throw new RequestError("not_found", "not_found", "There is nothing at this address; GET /docs lists what is.");
    const allow = methods.join(", ");
    throw new RequestError("invalid", "method_not_allowed", `This address takes ${allow}.`, { headers: { allow } });
  });
  return app;
}

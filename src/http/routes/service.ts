import { errorFields, packageVersion } from "../../base/index.ts";
import type { Engine } from "../../engine/index.ts";
import { health } from "../answers.ts";
import { type Operation, operation, type Tools } from "../operation.ts";
import { RequestError } from "../problem.ts";
import { healthQuery } from "../requests/addresses.ts";

async function assertReady(engine: Engine, { logger }: Tools): Promise<void> {
  try {
    await engine.ready();
  } catch (cause) {
    logger.warn("not ready", errorFields(cause));
    throw new RequestError("unavailable", "not_ready", "The storage does not answer; the server's log says why.", {
      cause,
    });
  }
}

export const serviceOperations: readonly Operation[] = [
  operation({
    operationId: "getHealth",
    method: "get",
    path: "/api/v1/health",
    tag: "Service",
    summary: "Ask whether the server is alive, or ready",
    description: "Needs no key. With `?ready=1` it answers 503 `not_ready` while the storage does not answer.",
    needs: "nothing",
    query: healthQuery,
    answers: { 200: { description: "It is.", schema: health } },
    problems: ["not_ready"],
    async handle({ c, engine, tools, query }) {
      const wantsReady = query.ready === "1";
      if (wantsReady) await assertReady(engine, tools);
      return c.json({ status: wantsReady ? "ready" : "ok", version: packageVersion });
    },
  }),
];

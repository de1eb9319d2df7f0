import { expect, inject } from "vitest";
import { type CloudOptions, type LocalCloud, startCloud } from "../../../infra/local/cloud.ts";
import { atEnd } from "../../engine/support/engine.ts";
import { type Answer, callerOf } from "../../http/support/server.ts";

export interface TestCloud extends LocalCloud {
  /** Through the gateway. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

/** No key is asked for, clients bring their vectors, nobody gives a shard up because the machine is busy. */
const environment = { MOSAIC_ALLOW_OPEN: "1", EMBEDDING_MODEL: "none", SHARD_TIMEOUT_MS: "60000", LOG_LEVEL: "warn" };

/** A local cloud with the functions of this checkout, closed when the test is finished. */
export async function testCloud(options: Partial<CloudOptions> = {}): Promise<TestCloud> {
  const denied: string[] = [];
  const cloud = await startCloud({
    folders: new Map(Object.entries(inject("folders"))),
    retryMs: 50,
    onDenied: (what) => denied.push(what),
    ...options,
    environment: { ...environment, ...options.environment },
  });
  atEnd(async () => {
    await cloud.close();
    // Whatever a test is about: no function tried what its role in AWS may not.
    expect(denied).toEqual([]);
  });
  return { ...cloud, call: callerOf(cloud.url) };
}

import type { LocalCloud } from "../../infra/local/cloud.ts";
import { s3Credentials } from "../../infra/local/s3/s3-server.ts";
import { settingsFrom, systemClock, systemRandom } from "../../src/base/index.ts";
import { openStore, type PutBody } from "../../src/store/index.ts";

/** Drops a file into the inbox of `documents`, and waits until its function has read it. */
export async function dropFile(cloud: LocalCloud, name: string, body: PutBody): Promise<void> {
  Object.assign(process.env, s3Credentials);
  const settings = settingsFrom({ storagePath: cloud.storagePath, s3Endpoint: cloud.s3?.endpoint }, {});
  const store = await openStore(settings, {
    clock: systemClock,
    random: systemRandom,
    currentReceipt: () => undefined,
  });
  try {
    await store.put(`inbox/default/documents/${name}`, body);
    // The event takes its time to come, and the function to move the file away.
    while ((await Array.fromAsync(store.list("inbox/", { limit: 1 }))).length > 0) await systemClock.sleep(200);
    await cloud.queue.idle();
    if (cloud.queue.deadLetters.length > 0) throw new Error(`${name} was given up`);
  } finally {
    await store.close();
  }
}

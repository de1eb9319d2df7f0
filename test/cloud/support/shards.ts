import { type Clock, scopeOf, seededRandom, systemClock, systemRandom } from "../../../src/base/index.ts";
import type { Mosaic } from "../../../src/engine/index.ts";
import { openStore } from "../../../src/store/index.ts";
import { openTestEngine, testSettings } from "../../engine/support/engine.ts";
import { s3Credentials } from "../../support/s3-server.ts";
import type { TestCloud } from "./cloud.ts";

export const dimensions = 8;
export const documentsOfShard = 20;

export interface FilledCloud {
  /** An engine of this process over the same bucket: what it answers is what the cloud must answer. */
  readonly engine: Mosaic;
  readonly vector: readonly number[];
}

/** An engine of this process over the cloud's bucket, perhaps of another time. */
export async function engineBeside({ storagePath, s3 }: TestCloud, clock: Clock = systemClock): Promise<Mosaic> {
  Object.assign(process.env, s3Credentials);
  const settings = testSettings({ storagePath, s3Endpoint: s3?.endpoint });
  const store = await openStore(settings, {
    clock,
    random: systemRandom,
    currentReceipt: () => undefined,
  });
  return await openTestEngine({ store, clock, settings: { storagePath } });
}

/** Fills the collection `documents` with so many shards. */
export async function filled(cloud: TestCloud, shards: number): Promise<FilledCloud> {
  const engine = await engineBeside(cloud);
  const scope = scopeOf("default", "documents");
  const next = seededRandom(7);
  const vectorOf = (): number[] => Array.from({ length: dimensions }, () => next() * 2 - 1);
  await engine.createCollection(scope, { dimensions, embedding_model: "none", shard_max_docs: documentsOfShard });
  const documents = Array.from({ length: shards * documentsOfShard }, (_, at) => ({
    id: `doc ${at}`,
    text: `text of ${at}, ${at % 3 === 0 ? "fizz" : "plain"}`,
    metadata: { at },
    embedding: vectorOf(),
  }));
  // A fold of as many documents as a shard may have is merged with no other.
  for (let from = 0; from < documents.length; from += documentsOfShard) {
    await engine.putMany(scope, documents.slice(from, from + documentsOfShard));
    await engine.fold(scope);
  }
  return { engine, vector: vectorOf() };
}

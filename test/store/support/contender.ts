/**
 * A process that contends for objects with others. Takes orders by IPC: `put` many times at once and tell how many won;
 * `count` up an object until killed, a byte in a file for each acknowledged step; `hold` the lock of a folder.
 */
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { isMosaicError, systemClock, systemRandom } from "../../../src/base/index.ts";
import { FolderLock } from "../../../src/store/folder-lock.ts";
import { FolderStore, type ObjectStore, type PutOptions } from "../../../src/store/index.ts";
import { S3Store } from "../../../src/store/s3.ts";

export type Place = { readonly folder: string } | { readonly bucket: string; readonly endpoint: string };

export type Order =
  | { readonly do: "put"; readonly key: string; readonly times: number; readonly options: PutOptions }
  | { readonly do: "count"; readonly key: string; readonly acknowledged: string }
  | { readonly do: "hold"; readonly key: string; readonly locks: string };

export interface Outcome {
  readonly won: number;
  /** Codes of the others. */
  readonly lost: readonly string[];
}

export function openPlace(place: Place): ObjectStore {
  if ("folder" in place) return new FolderStore(place.folder);
  return new S3Store({ bucket: place.bucket, prefix: "", endpoint: place.endpoint });
}

async function put(store: ObjectStore, { key, times, options }: Order & { do: "put" }): Promise<Outcome> {
  // Never the bytes of another put: S3's ETag is their hash, so that a winner with the bytes that were there changes nothing.
  const bodies = Array.from({ length: times }, () => Buffer.from(randomUUID()));
  const outcomes = await Promise.all(
    bodies.map((body) =>
      store.put(key, body, options).then(
        () => "won",
        (error: unknown) => (isMosaicError(error) ? error.code : String(error)),
      ),
    ),
  );
  return { won: outcomes.filter((each) => each === "won").length, lost: outcomes.filter((each) => each !== "won") };
}

/** One more than what is there, by compare-and-swap; false when another was first. */
export async function step(store: ObjectStore, key: string): Promise<boolean> {
  const got = await store.get(key);
  if (got.status !== "found") throw new Error("the counter is gone");
  const next = Number(Buffer.from(got.bytes).toString()) + 1;
  try {
    await store.put(key, Buffer.from(String(next)), { ifMatch: got.info.etag });
    return true;
  } catch (error) {
    if (isMosaicError(error, "conflict")) return false;
    throw error;
  }
}

async function obey(order: Order, store: ObjectStore): Promise<unknown> {
  if (order.do === "put") return await put(store, order);
  if (order.do === "hold") {
    const lock = new FolderLock(order.locks, systemClock, systemRandom);
    return await new Promise((resolve) => {
      void lock.hold(order.key, () => {
        resolve("held");
        return new Promise(() => setInterval(() => undefined, 1000));
      });
    });
  }
  for (;;) if (await step(store, order.key)) appendFileSync(order.acknowledged, ".");
}

if (process.argv[1] === import.meta.filename) {
  const store = openPlace(JSON.parse(process.argv[2] ?? "") as Place);
  process.on("message", (order: Order) => {
    void obey(order, store).then((answer) => process.send?.(answer));
  });
  process.send?.("ready");
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256, systemClock, systemRandom } from "../../../../src/base/index.ts";
import { type ImmutableRef, LocalObjects, VerifiedFiles } from "../../../../src/shard/index.ts";
import { FolderStore } from "../../../../src/store/index.ts";
import { PassingStore } from "../../../engine/support/stores.ts";

/**
 * A process that reads objects through a shared cache until it is killed, and says of each how it went.
 * Arguments: cache folder, store folder, bound, refs as JSON.
 */
const [cachePath = "", storePath = "", maxBytes = "", refs = "[]"] = process.argv.slice(2);

/** A folder that is treated like storage far away. */
class FarStore extends PassingStore {
  override localPath(): undefined {
    return undefined;
  }
}

const cache = new LocalObjects({
  store: new FarStore(new FolderStore(storePath)),
  clock: systemClock,
  random: systemRandom,
  verified: new VerifiedFiles(join(cachePath, "verified")),
  folder: join(cachePath, "objects"),
  maxBytes: Number(maxBytes),
  spareFolders: [storePath],
  onHit: () => undefined,
});

async function read(ref: ImmutableRef): Promise<string> {
  using pin = await cache.pin(ref);
  try {
    return sha256(await readFile(pin.path)) === ref.sha256 ? "right" : "wrong";
  } catch {
    await cache.drop(ref);
    return "vanished";
  }
}

const all = JSON.parse(refs) as ImmutableRef[];
const lane = async (): Promise<never> => {
  for (;;) {
    const ref = all[Math.floor(Math.random() * all.length)] as ImmutableRef;
    const outcome = await read(ref).catch((error: unknown) => `failed ${String(error)}`);
    process.stdout.write(`${outcome}\n`);
  }
};
await Promise.all([lane(), lane(), lane(), lane()]);

import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock, systemRandom } from "../../src/base/index.ts";
import {
  ClassedFolders,
  FolderStore,
  MemoryStore,
  Metered,
  type ObjectStore,
  Retrying,
} from "../../src/store/index.ts";
import { S3Store } from "../../src/store/s3.ts";
import { allKeys } from "../engine/support/stores.ts";
import { hasS3Server, type S3Server, startS3Server, withoutS3Server } from "../support/s3-server.ts";
import { textOf } from "./contract/subject.ts";
import { runObjectStoreSuite } from "./contract.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary-folder.ts";

/** As it is, and as `openStore` wraps it. */
const wrappings: Readonly<Record<string, (store: ObjectStore) => ObjectStore>> = {
  "": (store) => store,
  ", retrying and metered": (store) => new Retrying(new Metered(store, () => undefined), systemClock, systemRandom),
};

describe("memory", () => {
  const shared = new MemoryStore();
  for (const [suffix, wrap] of Object.entries(wrappings))
    runObjectStoreSuite({
      name: `memory${suffix}`,
      open: () => wrap(shared),
      hasClasses: true,
      hasFiles: false,
      freezes: true,
    });
});

describe("folder", () => {
  let folder: TemporaryFolder;
  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(async () => {
    await rm(`${folder.path}-archive`, { recursive: true, force: true });
    await folder.remove();
  });
  for (const [suffix, wrap] of Object.entries(wrappings)) {
    const open = (): ObjectStore => wrap(new FolderStore(folder.path));
    runObjectStoreSuite({ name: `folder${suffix}`, open, hasClasses: false, hasFiles: true, freezes: false });
    const openClassed = (): ObjectStore => wrap(new ClassedFolders(folder.path, `${folder.path}-archive`));
    const classed = { hasClasses: true, hasFiles: true, freezes: false };
    runObjectStoreSuite({ name: `folder with an archive${suffix}`, open: openClassed, ...classed });
  }
});

const title = hasS3Server ? "S3" : `S3 (${withoutS3Server})`;
describe.skipIf(!hasS3Server)(title, () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3Server();
    await server.createBucket("contract");
  });
  afterAll(() => server?.stop());
  const openS3 = (prefix: string): ObjectStore =>
    new S3Store({ bucket: "contract", prefix, endpoint: server.endpoint });

  for (const [suffix, wrap] of Object.entries(wrappings)) {
    const open = (): ObjectStore => wrap(openS3("some/prefix"));
    runObjectStoreSuite({ name: `S3${suffix}`, open, hasClasses: true, hasFiles: false, freezes: true });
  }

  test("stores below different prefixes of one bucket see nothing of each other", async () => {
    const [a, ab, root] = [openS3("p/a"), openS3("p/ab"), openS3("")];
    await a.put("k", Buffer.from("a"));
    await ab.put("k", Buffer.from("ab"));
    expect(await textOf(a, "k")).toBe('"a"');
    expect(await allKeys(a, "")).toEqual(["k"]);
    await a.copy("k", "l");
    await a.delete("k");
    expect(await textOf(ab, "k")).toBe('"ab"');
    expect(await allKeys(root, "p/")).toEqual(["p/a/l", "p/ab/k"]);
    for (const store of [a, ab, root]) await store.close();
  });
});

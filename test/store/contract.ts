import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe } from "vitest";
import type { ObjectStore } from "../../src/store/index.ts";
import { describeConditions } from "./contract/conditions.ts";
import { describeCopies } from "./contract/copies.ts";
import { describeKeys } from "./contract/keys.ts";
import { describeListing } from "./contract/listing.ts";
import { describeReading } from "./contract/reading.ts";
import { describeRestores } from "./contract/restores.ts";
import type { Subject } from "./contract/subject.ts";
import { describeWriting } from "./contract/writing.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary-folder.ts";

export interface ObjectStoreSuite {
  readonly name: string;
  /** Opens the store; it may hold objects already, which the suite leaves alone. */
  readonly open: () => ObjectStore | Promise<ObjectStore>;
  /** True when it keeps the storage class that it is given. */
  readonly hasClasses: boolean;
  /** True when its objects are local files. */
  readonly hasFiles: boolean;
  /** True when objects of some classes must be restored before they can be read. */
  readonly freezes: boolean;
}

/** Everything that `ObjectStore` promises, of one implementation. */
export function runObjectStoreSuite({ name, open, hasClasses, hasFiles, freezes }: ObjectStoreSuite): void {
  describe(name, () => {
    let opened: ObjectStore;
    let temporary: TemporaryFolder;
    let prefixes = 0;
    const run = randomBytes(4).toString("hex");
    const subject: Subject = {
      store: () => opened,
      folder: () => temporary.path,
      fresh: () => `${run}/${prefixes++}/`,
    };
    beforeAll(async () => {
      temporary = await temporaryFolder();
      opened = await open();
    });
    afterAll(async () => {
      await opened?.close();
      await temporary?.remove();
    });

    describeReading(subject);
    describeWriting(subject, hasClasses);
    describeConditions(subject);
    describeListing(subject);
    describeCopies(subject, hasClasses, hasFiles);
    describeKeys(subject);
    describeRestores(subject, freezes);
  });
}

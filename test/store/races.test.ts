import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasS3Server, type S3Server, startS3Server, withoutS3Server } from "../support/s3-server.ts";
import { type Outcome, openPlace, type Place } from "./support/contender.ts";
import { Contender } from "./support/contenders.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary-folder.ts";

const processes = 5;
const each = 10;
const rounds = 4;

/** Fifty conditional puts at once, of five processes: one of them wins. */
function describeRaces(place: () => Place): void {
  let contenders: Contender[];
  beforeAll(async () => {
    contenders = await Promise.all(Array.from({ length: processes }, () => Contender.start(place())));
  });
  afterAll(() => Promise.all((contenders ?? []).map((contender) => contender.kill())));

  const race = async (key: string, options: { ifNoneMatch: "*" } | { ifMatch: string }): Promise<void> => {
    const outcomes = await Promise.all(
      contenders.map((contender) => contender.ask<Outcome>({ do: "put", key, times: each, options })),
    );
    expect(outcomes.reduce((sum, { won }) => sum + won, 0)).toBe(1);
    const lost = outcomes.flatMap((outcome) => outcome.lost);
    expect(lost).toHaveLength(processes * each - 1);
    // S3 may also say that another write was under way: `conditional_conflict`.
    expect(lost.filter((code) => !["precondition_failed", "conditional_conflict"].includes(code))).toEqual([]);
  };

  test("one of fifty creates an object", async () => {
    for (let round = 0; round < rounds; round++) await race(`new/${round}`, { ifNoneMatch: "*" });
  });

  test("one of fifty swaps it, again and again", async () => {
    const store = openPlace(place());
    let { etag } = await store.put("swapped", Buffer.from("first"));
    for (let round = 0; round < rounds; round++) {
      await race("swapped", { ifMatch: etag });
      const now = await store.head("swapped");
      expect(now?.etag).not.toBe(etag);
      etag = now?.etag ?? "";
    }
    await store.close();
  });
}

describe("races on a folder", () => {
  let folder: TemporaryFolder;
  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => folder.remove());
  describeRaces(() => ({ folder: folder.path }));
});

describe.skipIf(!hasS3Server)(hasS3Server ? "races on S3" : `races on S3 (${withoutS3Server})`, () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3Server();
    await server.createBucket("races");
  });
  afterAll(() => server?.stop());
  describeRaces(() => ({ bucket: "races", endpoint: server.endpoint }));
});

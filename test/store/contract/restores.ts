import { join } from "node:path";
import { expect, test } from "vitest";
import { allKeys } from "../../engine/support/stores.ts";
import { refused, type Subject, textOf } from "./subject.ts";

const asked = { days: 1, speed: "bulk" } as const;

export function describeRestores({ store, folder, fresh }: Subject, freezes: boolean): void {
  test("objects of STANDARD_IA and GLACIER_IR are read, copied and listed like all others", async () => {
    for (const storageClass of ["STANDARD_IA", "GLACIER_IR"]) {
      const prefix = fresh();
      expect(store().mustBeRestored(storageClass)).toBe(false);
      await store().put(`${prefix}a`, Buffer.from("warm"));
      await store().copy(`${prefix}a`, `${prefix}b`, { storageClass });
      expect(await textOf(store(), `${prefix}b`)).toBe('"warm"');
      expect(await store().download(`${prefix}b`, join(folder(), "warm"))).toMatchObject({ sizeBytes: 4 });
      await store().copy(`${prefix}b`, `${prefix}c`);
      expect(await store().head(`${prefix}c`)).toMatchObject({ storageClass: "STANDARD" });
      expect(await allKeys(store(), prefix)).toEqual([`${prefix}a`, `${prefix}b`, `${prefix}c`]);
      await store().delete(`${prefix}b`);
      expect(await textOf(store(), `${prefix}b`)).toBe("absent");
    }
  });

  test("conditions hold for what lies in another class, and swapping takes it out of that", async () => {
    const key = `${fresh()}cold`;
    const { etag } = await store().put(key, Buffer.from("first"), { storageClass: "GLACIER_IR" });
    await expect(store().put(key, Buffer.from("late"), { ifNoneMatch: "*" })).rejects.toMatchObject(refused);
    await expect(store().put(key, Buffer.from("late"), { ifMatch: "other" })).rejects.toMatchObject(refused);
    expect(await textOf(store(), key)).toBe('"first"');
    await store().put(key, Buffer.from("second"), { ifMatch: etag });
    expect(await store().head(key)).toMatchObject({ storageClass: "STANDARD", sizeBytes: 6 });
    expect(await textOf(store(), key)).toBe('"second"');
  });

  const title = freezes ? "must be restored before they can be read" : "are read like all others";
  test(`objects of GLACIER and DEEP_ARCHIVE ${title}`, async () => {
    for (const storageClass of ["GLACIER", "DEEP_ARCHIVE"]) {
      const prefix = fresh();
      const key = `${prefix}frozen`;
      const frozen = { code: "restore_required" };
      expect(store().mustBeRestored(storageClass)).toBe(freezes);
      await store().put(`${prefix}a`, Buffer.from("cold"));
      await store().copy(`${prefix}a`, key, { storageClass });
      const info = await store().head(key);
      expect(info?.sizeBytes).toBe(4);
      expect(info?.restore).toBeUndefined();
      if (freezes) {
        await expect(store().get(key)).rejects.toMatchObject(frozen);
        await expect(store().copy(key, `${prefix}b`)).rejects.toMatchObject(frozen);
        await expect(store().download(key, join(folder(), "frozen"))).rejects.toMatchObject(frozen);
      }
      await store().restore(key, asked);
      await store().restore(key, asked);
      expect((await store().head(key))?.restore).toBe(freezes ? "ready" : undefined);
      expect(await textOf(store(), key)).toBe('"cold"');
      await store().copy(key, `${prefix}b`);
      const back = await store().head(`${prefix}b`);
      expect(back).toMatchObject({ sizeBytes: 4, storageClass: "STANDARD" });
      expect(back?.restore).toBeUndefined();
    }
  });

  test("restoring what can be read does nothing, what is absent is not_found", async () => {
    const prefix = fresh();
    await store().put(`${prefix}a`, Buffer.from("x"));
    await store().restore(`${prefix}a`, asked);
    expect(await textOf(store(), `${prefix}a`)).toBe('"x"');
    await expect(store().restore(`${prefix}none`, asked)).rejects.toMatchObject({ kind: "not_found" });
  });
}

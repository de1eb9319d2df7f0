import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FolderStore } from "../../src/store/index.ts";
import { canMount, needsMount, remount, smallDisk } from "../shard/cache/support/tmpfs.ts";

const kib = (count: number): Uint8Array => randomBytes(count * 1024);

test.skipIf(!canMount)(`a full disk refuses a put, harms nothing and recovers${needsMount}`, async () => {
  const folder = smallDisk(1024);
  const store = new FolderStore(folder);
  const old = kib(300);
  const { etag } = await store.put("a", old);
  await store.put("b", kib(300));
  for (const options of [{}, { ifMatch: etag }])
    await expect(store.put("a", kib(600), options)).rejects.toMatchObject({
      kind: "unavailable",
      code: "storage_full",
    });
  await expect(store.put("new", kib(600), { ifNoneMatch: "*" })).rejects.toMatchObject({ code: "storage_full" });
  expect(readdirSync(join(folder, ".mosaic", "tmp"))).toEqual([]);
  const kept = await store.get("a");
  expect(kept.status === "found" && Buffer.compare(kept.bytes, old)).toBe(0);
  expect((await store.get("new")).status).toBe("absent");
  await store.delete("b");
  await store.put("a", kib(400), { ifMatch: etag });
  await store.close();
});

test.skipIf(!canMount)(`a read-only disk is read, and says so to writers${needsMount}`, async () => {
  const folder = smallDisk(1024);
  const store = new FolderStore(folder);
  await store.put("a", Buffer.from("kept"));
  remount(folder, "ro");
  const reader = new FolderStore(folder);
  expect((await reader.get("a")).status).toBe("found");
  await expect(reader.put("a", Buffer.from("new"))).rejects.toMatchObject({ code: "storage_read_only" });
  remount(folder, "rw");
  await reader.put("a", Buffer.from("new"));
  await store.close();
  await reader.close();
});

import { join } from "node:path";
import { expect, test } from "vitest";
import { allKeys } from "../../engine/support/stores.ts";
import { type Subject, textOf } from "./subject.ts";

export function describeKeys({ store, folder, fresh }: Subject): void {
  const bad = ["", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "a/./b", "a\\b", "a\0b", "é".repeat(513)];
  test.each([...bad, "lone \ud800"])("the key %j is refused by every call", async (key) => {
    const invalid = { kind: "invalid", code: "invalid_key" };
    const good = `${fresh()}good`;
    await store().put(good, Buffer.from("x"));
    await expect(store().get(key)).rejects.toMatchObject(invalid);
    await expect(store().get(key, { range: { start: 0, end: 0 } })).rejects.toMatchObject(invalid);
    await expect(store().head(key)).rejects.toMatchObject(invalid);
    await expect(store().put(key, Buffer.from("x"))).rejects.toMatchObject(invalid);
    await expect(store().put(key, Buffer.from("x"), { ifMatch: "e" })).rejects.toMatchObject(invalid);
    await expect(store().delete(key)).rejects.toMatchObject(invalid);
    await expect(store().copy(key, good)).rejects.toMatchObject(invalid);
    await expect(store().copy(good, key)).rejects.toMatchObject(invalid);
    await expect(store().download(key, join(folder(), "bad"))).rejects.toMatchObject(invalid);
    expect(await textOf(store(), good)).toBe('"x"');
  });

  test.each(["a.b", "..a", "a..", "…", "a b", "a+b&c=d?e#f", "%2e%2e", "名前/ключ", "é"])(
    "the key %j is taken as it is",
    async (rest) => {
      const prefix = fresh();
      await store().put(prefix + rest, Buffer.from(rest));
      expect(await textOf(store(), prefix + rest)).toBe(`"${rest}"`);
      expect(await allKeys(store(), prefix)).toEqual([prefix + rest]);
    },
  );
}

import { expect, test } from "vitest";
import { large, refused, type Subject, textOf } from "./subject.ts";

export function describeConditions({ store, fresh }: Subject): void {
  test('ifNoneMatch "*" creates, and refuses what is there', async () => {
    const key = `${fresh()}new`;
    await store().put(key, Buffer.from("first"), { ifNoneMatch: "*" });
    await expect(store().put(key, Buffer.from("late"), { ifNoneMatch: "*" })).rejects.toMatchObject(refused);
    expect(await textOf(store(), key)).toBe('"first"');
    await store().delete(key);
    await store().put(key, Buffer.from("again"), { ifNoneMatch: "*" });
    expect(await textOf(store(), key)).toBe('"again"');
  });

  test("ifMatch swaps the current etag, and refuses a stale one", async () => {
    const key = `${fresh()}swap`;
    const first = await store().put(key, Buffer.from("first"));
    const second = await store().put(key, Buffer.from("second"), { ifMatch: first.etag });
    expect(await store().head(key)).toMatchObject({ etag: second.etag });
    await expect(store().put(key, Buffer.from("late"), { ifMatch: first.etag })).rejects.toMatchObject(refused);
    expect(await textOf(store(), key)).toBe('"second"');
    await store().put(key, Buffer.from("third"), { ifMatch: second.etag });
    expect(await textOf(store(), key)).toBe('"third"');
  });

  test("ifMatch works with an etag from get, from head and from list", async () => {
    const prefix = fresh();
    const key = `${prefix}from`;
    await store().put(key, Buffer.from("0"));
    const got = await store().get(key);
    await store().put(key, Buffer.from("1"), { ifMatch: got.status === "found" ? got.info.etag : "" });
    await store().put(key, Buffer.from("2"), { ifMatch: (await store().head(key))?.etag ?? "" });
    for await (const { etag } of store().list(prefix)) await store().put(key, Buffer.from("3"), { ifMatch: etag });
    expect(await textOf(store(), key)).toBe('"3"');
  });

  test("ifMatch on a key that is absent, or was deleted, is refused and stores nothing", async () => {
    const key = `${fresh()}gone`;
    const { etag } = await store().put(key, Buffer.from("x"));
    await store().delete(key);
    for (const absent of [key, `${fresh()}never`]) {
      await expect(store().put(absent, Buffer.from("late"), { ifMatch: etag })).rejects.toMatchObject(refused);
      expect(await textOf(store(), absent)).toBe("absent");
    }
  });

  test("a delete with ifMatch takes that object alone, and is done when there is none", async () => {
    const key = `${fresh()}dir/delete`;
    const first = await store().put(key, Buffer.from("first"));
    const second = await store().put(key, Buffer.from("second"));
    await expect(store().delete(key, { ifMatch: first.etag })).rejects.toMatchObject(refused);
    expect(await textOf(store(), key)).toBe('"second"');
    expect(await store().head(key)).toMatchObject({ etag: second.etag });
    await store().delete(key, { ifMatch: second.etag });
    expect(await textOf(store(), key)).toBe("absent");
    await store().delete(key, { ifMatch: second.etag });
    const { etag } = await store().put(key, large);
    await store().delete(key, { ifMatch: (await store().head(key))?.etag ?? etag });
    expect(await textOf(store(), key)).toBe("absent");
  });
}

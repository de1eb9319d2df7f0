import { beforeEach, describe, expect, test } from "vitest";
import { sha256, systemRandom, tenantName } from "../../src/base/index.ts";
import { KeyRing, StoredKeys } from "../../src/keys/index.ts";
import { MemoryStore } from "../../src/store/index.ts";
import { TestClock } from "../engine/support/clock.ts";

const acme = tenantName("acme");
let clock: TestClock;
let store: MemoryStore;
let keys: StoredKeys;
beforeEach(() => {
  clock = new TestClock();
  store = new MemoryStore(clock);
  keys = new StoredKeys({ store, clock, random: systemRandom });
});

describe("a stored key", () => {
  test("is known by tenant and role, and storage holds its hash alone", async () => {
    const { key, ...info } = await keys.create({ tenant: acme, role: "read", name: "ci" });
    expect(key).toMatch(/^mosaic_[0-9a-f]{48}$/);
    expect(await keys.find(key)).toEqual(info);
    expect(info).toMatchObject({ tenant: "acme", role: "read", name: "ci", expires_at: null });
    const objects = await Array.fromAsync(store.list(""));
    expect(objects.map((object) => object.key)).toEqual([`keys/${sha256(key)}.json`]);
    const got = await store.get(`keys/${sha256(key)}.json`);
    expect(got.status === "found" && Buffer.from(got.bytes).toString()).not.toContain(key);
  });

  test("is never the same twice", async () => {
    const made = await Promise.all(Array.from({ length: 50 }, () => keys.create({ tenant: acme, role: "read" })));
    expect(new Set(made.map(({ key }) => key)).size).toBe(50);
    expect((await keys.list()).map(({ id }) => id).sort()).toEqual(made.map(({ id }) => id).sort());
  });

  test.each(["", "nope", "mosaic_", `mosaic_${"0".repeat(48)}`, `mosaic_${"0".repeat(47)}/`, "../keys", "\u0000"])(
    "%j is no key",
    async (guess) => {
      await keys.create({ tenant: acme, role: "admin" });
      expect(await keys.find(guess)).toBeUndefined();
    },
  );

  test("ends with its time", async () => {
    const { key } = await keys.create({ tenant: acme, role: "write", expiresAtMs: clock.now() + 1000 });
    expect(await keys.find(key)).toBeDefined();
    clock.advance(1000);
    expect(await keys.find(key)).toBeUndefined();
    expect(await keys.list()).toHaveLength(1);
  });

  test("is revoked by its id or the beginning of it, by its own tenant only where one is named", async () => {
    const { key, id } = await keys.create({ tenant: acme, role: "write" });
    await expect(keys.revoke(id, tenantName("globex"))).rejects.toMatchObject({ code: "key_not_found" });
    await expect(keys.revoke("zz")).rejects.toMatchObject({ code: "key_not_found" });
    await expect(keys.revoke("")).rejects.toMatchObject({ code: "key_not_found" });
    expect((await keys.revoke(id.slice(0, 8), acme)).id).toBe(id);
    expect(await keys.find(key)).toBeUndefined();
    await expect(keys.revoke(id)).rejects.toMatchObject({ code: "key_not_found" });
  });

  test("whose beginning several have is not guessed", async () => {
    const body = (await store.get(`keys/${sha256((await keys.create({ tenant: acme, role: "read" })).key)}.json`)) as {
      bytes: Uint8Array;
    };
    for (const end of ["0", "1"]) await store.put(`keys/${"ab".repeat(31)}a${end}.json`, body.bytes);
    await expect(keys.revoke("abababab")).rejects.toMatchObject({ code: "ambiguous_key" });
  });

  test.each([
    ["another key's description", (text: string) => text.replace(/"sha256": "./, '"sha256": "x')],
    ["a tenant that is none", (text: string) => text.replace('"acme"', '"../acme"')],
    ["a role that is none", (text: string) => text.replace('"write"', '"root"')],
    ["half a description", (text: string) => text.slice(0, 40)],
    ["nothing", () => ""],
  ])("with %s opens nothing", async (_name, damage) => {
    const { key } = await keys.create({ tenant: acme, role: "write" });
    const name = `keys/${sha256(key)}.json`;
    const got = await store.get(name);
    if (got.status !== "found") throw new Error("no key");
    await store.put(name, Buffer.from(damage(Buffer.from(got.bytes).toString())));
    const found = await keys.find(key).catch((error: { code?: string }) => error.code);
    expect([undefined, "key_damaged"]).toContain(found);
  });
});

describe("the memory of keys", () => {
  /** Counts what storage is asked. */
  class Counted extends MemoryStore {
    gets = 0;
    down = false;
    override get(...args: Parameters<MemoryStore["get"]>): ReturnType<MemoryStore["get"]> {
      this.gets++;
      if (this.down) return Promise.reject(new Error("storage is down"));
      return super.get(...args);
    }
  }

  const setUp = async () => {
    const counted = new Counted(clock);
    const stored = new StoredKeys({ store: counted, clock, random: systemRandom });
    const made = await stored.create({ tenant: acme, role: "write" });
    return { counted, stored, made, ring: new KeyRing(stored, clock, 60_000) };
  };

  test("asks storage once a minute, however many call", async () => {
    const { counted, made, ring } = await setUp();
    const found = await Promise.all(Array.from({ length: 20 }, () => ring.find(made.key)));
    expect(new Set(found.map((info) => info?.id))).toEqual(new Set([made.id]));
    clock.advance(59_999);
    await ring.find(made.key);
    expect(counted.gets).toBe(1);
    clock.advance(1);
    await ring.find(made.key);
    expect(counted.gets).toBe(2);
  });

  test("outlives a revocation by a minute at most, and an expiry not at all", async () => {
    const { stored, made, ring } = await setUp();
    const brief = await stored.create({ tenant: acme, role: "write", expiresAtMs: clock.now() + 10 });
    expect(await ring.find(brief.key)).toBeDefined();
    await ring.find(made.key);
    await stored.revoke(made.id);
    clock.advance(10);
    expect(await ring.find(brief.key)).toBeUndefined();
    clock.advance(60_000);
    expect(await ring.find(made.key)).toBeUndefined();
  });

  test("forgets an unknown key sooner, and a failure at once", async () => {
    const { counted, made, ring } = await setUp();
    const [object] = await Array.fromAsync(counted.list("keys/"));
    const got = await counted.get(object?.key ?? "");
    await counted.delete(object?.key ?? "");
    expect(await ring.find(made.key)).toBeUndefined();
    if (got.status === "found") await counted.put(object?.key ?? "", got.bytes);
    clock.advance(5000);
    expect(await ring.find(made.key)).toBeDefined();
    clock.advance(60_000);
    counted.down = true;
    await expect(ring.find(made.key)).rejects.toThrow("storage is down");
    counted.down = false;
    expect(await ring.find(made.key)).toBeDefined();
  });
});

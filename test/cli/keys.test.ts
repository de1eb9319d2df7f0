import { beforeAll, expect, test } from "vitest";
import { shared } from "../engine/support/engine.ts";
import { Shell } from "./support/mosaic.ts";

let shell: Shell;
beforeAll(() =>
  shared(async () => {
    shell = new Shell();
  }),
);

test("a key is printed once, listed by its id, and revoked by it", async () => {
  const made = await shell.run("keys", "create", "--tenant", "acme", "--role", "read", "--name", "CI");
  expect(made.code).toBe(0);
  const key = made.out.trim();
  expect(key).toMatch(/^mosaic_[0-9a-f]{48}$/);
  const listed = JSON.parse((await shell.run("keys", "list", "--json")).out);
  expect(listed).toMatchObject([{ tenant: "acme", role: "read", name: "CI", expires_at: null }]);
  expect(made.error).toContain(listed[0].id);
  expect(JSON.stringify(listed)).not.toContain(key);
  expect((await shell.run("keys", "list", "--tenant", "globex")).out).toBe("");
  expect((await shell.run("keys", "revoke", listed[0].id, "--tenant", "globex")).code).toBe(1);
  expect((await shell.run("keys", "revoke", listed[0].id)).code).toBe(0);
  expect((await shell.run("keys", "list")).out).toBe("");
});

test.each([
  ["a role that is none", "create", "--role", "root"],
  ["an id that is missing", "revoke"],
])("%s is wrong usage", async (_name, ...args) => {
  expect((await shell.run("keys", ...args)).code).toBe(2);
});

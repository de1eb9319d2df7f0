import { expect, test } from "vitest";
import { alarms, deployedName, environmentOf, functions, gateway, inbox, schedule } from "../../infra/table.ts";
import { settingsFrom } from "../../src/base/index.ts";

const deployed = { bucket: "files", queueUrl: "https://queue", app: "mosaic", stage: "dev", leafFunctions: 3 };
const specs = Object.values(functions);
const mib = 1024 * 1024;

test.each(specs)("$name: Lambda takes its limits", ({ memoryMb, tmpMb, timeoutSeconds, name, file }) => {
  expect(memoryMb).toBeGreaterThanOrEqual(128);
  // What an account without a raised quota may ask for.
  expect(memoryMb).toBeLessThanOrEqual(3008);
  expect(tmpMb).toBeGreaterThanOrEqual(512);
  expect(tmpMb).toBeLessThanOrEqual(10_240);
  expect(timeoutSeconds).toBeLessThanOrEqual(900);
  expect(file).toBe(`functions/${name}.ts`);
});

test.each(specs)("$name: its settings are settings, and its disk holds them", (spec) => {
  const settings = settingsFrom({}, environmentOf(spec, deployed));
  expect(settings.storagePath).toBe("s3://files");
  // The system's temporary folder: /tmp in Lambda, one for each environment of the local cloud.
  expect(spec.environment).not.toHaveProperty("CACHE_PATH");
  // Functions are never open: without this, they ask for stored keys.
  expect(spec.environment).not.toHaveProperty("MOSAIC_ALLOW_OPEN");
  const cached = settings.cacheMaxBytes * 1.25;
  const step = spec.name === "maintain" ? settings.compactStepBytes + settings.shardMaxBytes : settings.shardMaxBytes;
  // A file that is built takes its own size, and for a while as much again.
  expect(cached + step + settings.shardMaxBytes).toBeLessThanOrEqual(spec.tmpMb * mib);
  expect(settings.embeddingModel).toBe(spec.embeds ? "local" : "none");
});

test("roots know the leaves and maintain, and nobody else does", () => {
  for (const spec of specs) {
    const { LEAF_FUNCTIONS, LEAF_FUNCTION_NAME, MAINTAIN_FUNCTION_NAME } = environmentOf(spec, deployed);
    const root = spec.name === "api" || spec.name === "stream";
    expect(LEAF_FUNCTIONS).toBe(root ? "3" : undefined);
    expect(MAINTAIN_FUNCTION_NAME).toBe(root ? "mosaic-dev-maintain" : undefined);
    expect(LEAF_FUNCTION_NAME).toBe(root ? deployedName("mosaic", "dev", "leaf") : undefined);
  }
  expect(deployedName("mosaic", "dev", "leaf", 2)).toBe("mosaic-dev-leaf-2");
});

test("no right is wider than an action on a prefix, and a leaf can only read", () => {
  const actions = specs.flatMap(({ statements }) => statements.flatMap((statement) => statement.actions));
  expect(actions.filter((action) => action.includes("*"))).toEqual([]);
  expect(functions.leaf.statements.flatMap(({ actions }) => actions)).toEqual(["s3:ListBucket", "s3:GetObject"]);
  const writers = specs.filter(({ statements }) =>
    statements.some(({ actions, on }) => on.kind === "prefix" && on.prefix === "keys/" && actions.length > 1),
  );
  expect(writers).toEqual([]);
});

test("a message comes back only when its run is over, and a function outlives the gateway's patience by nothing", () => {
  expect(inbox.visibilitySeconds).toBeGreaterThanOrEqual(6 * functions[inbox.function].timeoutSeconds);
  expect(inbox.visibilitySeconds).toBeLessThanOrEqual(43_200);
  expect(functions.api.timeoutSeconds).toBe(gateway.timeoutSeconds);
  expect(schedule.everyMinutes * 60).toBeGreaterThanOrEqual(functions[schedule.function].timeoutSeconds);
});

test("alarms have names of their own", () => {
  expect(new Set(alarms.map(({ name }) => name)).size).toBe(alarms.length);
});

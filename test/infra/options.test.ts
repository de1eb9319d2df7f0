import { describe, expect, test } from "vitest";
import { appOf, optionsFrom } from "../../infra/options.ts";

describe("what an operator chooses", () => {
  test("nothing need be chosen", () => {
    expect(optionsFrom("dev", {})).toEqual({
      stage: "dev",
      production: false,
      protect: false,
      region: "us-east-1",
      leafFunctions: 4,
      domain: undefined,
      certificate: undefined,
      alarms: false,
      alarmEmail: undefined,
      undeleteDays: 0,
      maintenanceMinutes: 15,
    });
  });

  test("production is protected, wakes somebody, and keeps what was deleted for a week", () => {
    const options = optionsFrom("production", {});
    expect(options).toMatchObject({ protect: true, alarms: true, undeleteDays: 7 });
    expect(appOf(options)).toMatchObject({ removal: "retain", protect: true });
  });

  test("the protection can be lifted, and the bucket stays nevertheless", () => {
    const options = optionsFrom("production", { MOSAIC_PROTECT: "0" });
    expect(appOf(options)).toMatchObject({ removal: "retain", protect: false });
  });

  test("an address for alarms turns them on in any stage", () => {
    expect(optionsFrom("dev", { MOSAIC_ALARM_EMAIL: "ops@example.com" }).alarms).toBe(true);
  });

  test.each([
    ["MOSAIC_LEAF_FUNCTIONS", "0"],
    ["MOSAIC_LEAF_FUNCTIONS", "65"],
    ["MOSAIC_LEAF_FUNCTIONS", "four"],
    ["MOSAIC_UNDELETE_DAYS", "-1"],
    ["MOSAIC_MAINTENANCE_MINUTES", "5"],
    ["MOSAIC_DOMAIN", "https://search.example.com"],
    ["MOSAIC_DOMAIN", "localhost"],
    ["MOSAIC_CERTIFICATE", "my-certificate"],
    ["MOSAIC_ALARM_EMAIL", "nobody"],
  ])("%s=%s is refused, by name", (name, value) => {
    expect(() => optionsFrom("dev", { [name]: value })).toThrow(name);
  });

  test.each(["", "Dev", "1st", "a-stage-with-a-very-long-name"])("%j is no stage", (stage) => {
    expect(() => optionsFrom(stage, {})).toThrow("stage");
  });
});

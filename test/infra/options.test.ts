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

  test.each([
    ["without the name that it is for", {}, "MOSAIC_DOMAIN"],
    ["of another region", { MOSAIC_DOMAIN: "search.example.com", AWS_REGION: "eu-central-1" }, "eu-central-1"],
  ])("a certificate %s is refused", (_title, env, says) => {
    const certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1";
    expect(() => optionsFrom("dev", { ...env, MOSAIC_CERTIFICATE: certificate })).toThrow(says);
  });

  test.each(["", "Dev", "1st", "a-stage-with-a-very-long-name"])("%j is no stage", (stage) => {
    expect(() => optionsFrom(stage, {})).toThrow("stage");
  });
});

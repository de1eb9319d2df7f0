import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { architecture, bundleOf, functions, leafFunctions } from "../../infra/table.ts";
import { packageRoot } from "../../src/base/index.ts";
import { policy } from "./rules/deployer.ts";
import { rules } from "./rules/index.ts";
import { ofType } from "./support/account.ts";
import { bundleProgram, type Deployed, deployed } from "./support/mock-run.ts";

/** What `sst deploy` would make, by SST's own components. */
const stages = {
  production: { stage: "production" },
  "any other stage": { stage: "dev" },
  "a stage with everything chosen": {
    stage: "try-1",
    env: {
      MOSAIC_LEAF_FUNCTIONS: "2",
      MOSAIC_DOMAIN: "search.example.com",
      MOSAIC_ALARM_EMAIL: "ops@example.com",
    },
  },
} as const;

/** `e_machine` of an ELF file (ELF specification, EM_AARCH64). */
const elfArm64 = 183;

let program = "";
beforeAll(async () => {
  program = await bundleProgram("deployment");
});

describe.each(Object.entries(stages))("%s", (_name, circumstances) => {
  let made: Deployed;
  beforeAll(async () => {
    made = await deployed(program, circumstances);
  });

  test.each(Object.entries(rules))("%s", (_rule, rule) => {
    expect(rule(made)).toEqual([]);
  });
});

describe("production with its packages", () => {
  test("uploads what was built just now, for the processor that it runs on", async () => {
    const made = await deployed(program, { stage: "production", packages: true });
    expect(ofType(made, "s3/bucketObjectv2").length).toBe(Object.keys(functions).length - 1 + leafFunctions.default);
    for (const { name, embeds } of Object.values(functions)) {
      const folder = join(packageRoot, bundleOf(name, architecture));
      const natives = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
        /\.(node|so)$/.test(file),
      );
      const heads = natives.map((file) => readFileSync(join(folder, file)).readUInt16LE(18));
      expect(new Set(heads), name).toEqual(new Set([elfArm64]));
      if (embeds) expect(existsSync(join(folder, "models")), name).toBe(true);
    }
  }, 600_000);
});

describe("a domain of one's own", () => {
  const domain = "search.example.com";
  const certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1";

  test("gets a certificate and records where Route 53 has its zone", async () => {
    const made = await deployed(program, { stage: "dev", env: { MOSAIC_DOMAIN: domain } });
    expect(made.outputs["api"]).toBe(`https://${domain}`);
    expect(ofType(made, "acm/certificate").map(({ inputs }) => inputs.domainName)).toEqual([domain]);
    expect(
      ofType(made, "route53/record")
        .map(({ inputs }) => inputs.type)
        .toSorted(),
    ).toEqual(["A", "AAAA"]);
  });

  test("gets neither where it has both elsewhere", async () => {
    const made = await deployed(program, {
      stage: "dev",
      env: { MOSAIC_DOMAIN: domain, MOSAIC_CERTIFICATE: certificate },
    });
    const [name] = ofType(made, "apigatewayv2/domainName");
    expect(name?.inputs.domainNameConfiguration.certificateArn).toBe(certificate);
    expect([...ofType(made, "acm/certificate"), ...ofType(made, "route53/record")]).toEqual([]);
  });
});

test("the deployer's policy fits into a managed policy, and names no action of everything", () => {
  expect(JSON.stringify(policy).length).toBeLessThan(6144);
  const wide = policy.Statement.flatMap(({ Action }) => Action).filter((action) => /^\w+:\*$|^\*$/.test(action));
  expect(wide).toEqual([]);
});

import { execFile } from "node:child_process";
import { existsSync, lstatSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { mostPackageBytes } from "../../functions/build/package.ts";
import { architecture, bundleOf, environmentOf, functions, leafFunctions } from "../../infra/table.ts";
import { packageRoot } from "../../src/base/index.ts";
import { policy } from "./rules/deployer.ts";
import { rules } from "./rules/index.ts";
import { ofType } from "./support/account.ts";
import { readElf } from "./support/elf.ts";
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

/** What nodejs24.x has, on Amazon Linux 2023: glibc 2.34 and the libraries of GCC 11. */
const system = {
  versions: { GLIBC: "2.34", GLIBCXX: "3.4.29", CXXABI: "1.3.13", GCC: "11.0.0" } as Record<string, string>,
  libraries: new Set([
    ...["ld-linux-aarch64.so.1", "libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0"],
    ...["libgcc_s.so.1", "libstdc++.so.6"],
  ]),
};

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
  const folders = Object.values(functions).map((spec) => ({
    ...spec,
    folder: join(packageRoot, bundleOf(spec.name, architecture)),
  }));
  const filesIn = (folder: string) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name));
  let uploaded = 0;

  beforeAll(async () => {
    // Whoever deploys may be strict about who reads what they make.
    const umask = process.umask(0o077);
    const made = await deployed(program, { stage: "production", packages: true });
    process.umask(umask);
    uploaded = ofType(made, "s3/bucketObjectv2").length;
  }, 600_000);

  test("uploads each of them", () => {
    expect(uploaded).toBe(folders.length - 1 + leafFunctions.default);
    for (const { name, folder, embeds } of folders) expect(existsSync(join(folder, "models")), name).toBe(embeds);
  });

  test.each(folders)("$name: Lambda takes it: its size, and that anybody may read it", ({ folder }) => {
    const files = filesIn(folder).map((file) => ({ file, stats: lstatSync(file) }));
    expect(files.reduce((bytes, { stats }) => bytes + stats.size, 0)).toBeLessThan(mostPackageBytes);
    expect(files.filter(({ stats }) => !stats.isFile() || (stats.mode & 0o444) !== 0o444)).toEqual([]);
  });

  test.each(folders)("$name: machine code is for the processor and the system that it runs on", ({ folder }) => {
    const natives = filesIn(folder).filter((file) => /\.(node|so)(\.\d+)*$/.test(file));
    expect(natives.length).toBeGreaterThan(0);
    const wrong = natives.flatMap((file) => {
      const { machine, needed, runpath, versions } = readElf(file);
      const beside = new Set(runpath?.startsWith("$ORIGIN") ? readdirSync(dirname(file)) : []);
      return [
        ...(machine === elfArm64 ? [] : [`${file} is for machine ${machine}`]),
        ...needed.filter((name) => !system.libraries.has(name) && !beside.has(name)),
        ...Object.entries(versions).filter(([name, version]) => {
          const has = system.versions[name] ?? "0";
          return version.localeCompare(has, "en", { numeric: true }) > 0;
        }),
      ];
    });
    expect(wrong).toEqual([]);
  });

  test.each(folders)("$name: INIT loads no machine code and calls nobody", async ({ name, folder }) => {
    const environment = environmentOf(functions[name], {
      bucket: "mosaic-production-files",
      queueUrl: "https://sqs.us-east-1.amazonaws.com/123456789012/inbox",
      app: "mosaic",
      stage: "production",
      leafFunctions: leafFunctions.default,
    });
    const script = join(import.meta.dirname, "support", "initialize.mjs");
    const { stdout } = await promisify(execFile)(process.execPath, [script, folder], {
      // What Lambda sets, and nobody's home.
      env: { ...environment, AWS_REGION: "us-east-1", AWS_LAMBDA_FUNCTION_NAME: `mosaic-production-${name}` },
    });
    expect(JSON.parse(stdout)).toEqual({ handler: "function", connections: [] });
  });
});

describe("a domain of one's own", () => {
  const domain = "search.example.com";
  const certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1";

  test("gets a certificate and records where Route 53 has its zone", async () => {
    const made = await deployed(program, { stage: "dev", env: { MOSAIC_DOMAIN: domain } });
    expect(made.outputs["api"]).toBe(`https://${domain}`);
    const [name] = ofType(made, "apigatewayv2/domainName");
    expect(name?.inputs.domainNameConfiguration).toMatchObject({ endpointType: "REGIONAL", securityPolicy: "TLS_1_2" });
    const [api] = ofType(made, "apigatewayv2/api");
    expect(ofType(made, "apigatewayv2/apiMapping").map(({ inputs }) => inputs)).toEqual([
      { apiId: api?.inputs.name, domainName: name?.name, stage: "$default" },
    ]);
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

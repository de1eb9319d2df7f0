/**
 * What an operator may choose when deploying: environment variables, which `sst` also reads from `.env` and
 * `.env.<stage>`. docs/deployment/aws.md lists them. No SST in here.
 */
import { leafFunctions, schedule } from "./table.ts";

export const appName = "mosaic";

export interface Options {
  readonly stage: string;
  /** The stage named `production`: its bucket outlives it, it can't be removed by accident, and it has alarms. */
  readonly production: boolean;
  /** `sst remove` is refused. */
  readonly protect: boolean;
  readonly region: string;
  readonly leafFunctions: number;
  /** Host name of the API; with `certificate`, its DNS is not in Route 53 but elsewhere. */
  readonly domain: string | undefined;
  readonly certificate: string | undefined;
  readonly alarms: boolean;
  readonly alarmEmail: string | undefined;
  /** Days that overwritten and deleted objects can still be brought back; 0 keeps no versions. */
  readonly undeleteDays: number;
  /** Between two runs of `maintain`. Each asks for every collection, so thousands of tenants want it longer. */
  readonly maintenanceMinutes: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

function whole(env: Environment, name: string, fallback: number, least: number, most: number): number {
  const text = env[name];
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${name} must be a whole number from ${least} to ${most}.`);
}

function matching(env: Environment, name: string, pattern: RegExp, expected: string): string | undefined {
  const text = env[name] || undefined;
  if (text === undefined || pattern.test(text)) return text;
  throw new Error(`${name} must be ${expected}.`);
}

/** Names of roles begin with the app's and the stage's, and AWS gives them 38 characters for it. */
function checkStage(stage: string): string {
  if (/^[a-z][a-z0-9-]{0,19}$/.test(stage)) return stage;
  throw new Error("A stage's name is up to 20 of a-z, 0-9 and -, and begins with a letter.");
}

/** API Gateway takes a certificate of its own region, and only for a name. */
function certificateOf(env: Environment, region: string): string | undefined {
  const arn = matching(env, "MOSAIC_CERTIFICATE", /^arn:aws[\w-]*:acm:/, "the ARN of a certificate in ACM");
  if (arn === undefined) return undefined;
  if (arn.split(":")[3] !== region) throw new Error(`MOSAIC_CERTIFICATE must be of the region ${region} (AWS_REGION).`);
  if (!env["MOSAIC_DOMAIN"]) throw new Error("MOSAIC_CERTIFICATE is for a name: set MOSAIC_DOMAIN too.");
  return arn;
}

export function optionsFrom(stageName: string, env: Environment): Options {
  const stage = checkStage(stageName);
  const production = stage === "production";
  const region = env["AWS_REGION"] || "us-east-1";
  const alarmEmail = matching(env, "MOSAIC_ALARM_EMAIL", /^\S+@\S+$/, "an email address");
  return Object.freeze({
    stage,
    production,
    protect: production && env["MOSAIC_PROTECT"] !== "0",
    region,
    leafFunctions: whole(env, "MOSAIC_LEAF_FUNCTIONS", leafFunctions.default, 1, leafFunctions.most),
    domain: matching(env, "MOSAIC_DOMAIN", /^[a-z0-9-]+(\.[a-z0-9-]+)+$/, "a host name such as search.example.com"),
    certificate: certificateOf(env, region),
    alarms: production || alarmEmail !== undefined,
    alarmEmail,
    undeleteDays: whole(env, "MOSAIC_UNDELETE_DAYS", production ? 7 : 0, 0, 365),
    maintenanceMinutes: whole(env, "MOSAIC_MAINTENANCE_MINUTES", schedule.everyMinutes, schedule.everyMinutes, 1440),
  });
}

/** What `sst` asks first. Every resource carries the tags, so that a bill can be split by them. */
export const appOf = ({ stage, production, protect, region }: Options) => ({
  name: appName,
  home: "aws" as const,
  removal: production ? ("retain" as const) : ("remove" as const),
  protect,
  providers: {
    aws: { version: "7.20.0", region, defaultTags: { tags: { app: appName, stage } } },
  },
});

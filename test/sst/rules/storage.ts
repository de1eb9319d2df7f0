import { bucket as limits } from "../../../infra/table.ts";
import { differs, ofType, onlyOne } from "../support/account.ts";
import type { Deployed } from "../support/mock-run.ts";

const nameOf = (deployed: Deployed): string | undefined => onlyOne(deployed, "s3/bucket")?.inputs.bucket;

interface Rule {
  readonly id: string;
  readonly status: string;
  readonly abortIncompleteMultipartUpload?: { readonly daysAfterInitiation: number };
  readonly noncurrentVersionExpiration?: { readonly noncurrentDays: number };
  readonly expiration?: { readonly days?: number; readonly date?: string };
  readonly transitions?: readonly unknown[];
}

/** S3 keeps one lifecycle configuration of a bucket: a second would silently replace the first. */
export function oneLifecycle(deployed: Deployed): readonly string[] {
  const all = ["s3/bucketLifecycleConfiguration", "s3/bucketLifecycleConfigurationV2"].flatMap((type) =>
    ofType(deployed, type),
  );
  return [
    ...differs("lifecycle configurations", all.length, 1),
    ...differs("their bucket", [...new Set(all.map(({ inputs }) => inputs.bucket))], [nameOf(deployed)]),
  ];
}

/** No rule ends or moves a current object: what lives, the manifest says. */
export function nothingExpires(deployed: Deployed): readonly string[] {
  const rules = ofType(deployed, "s3/bucketLifecycleConfiguration").flatMap(({ inputs }) => inputs.rules as Rule[]);
  const harmful = rules.filter(({ expiration, transitions }) => expiration?.days || expiration?.date || transitions);
  const [uploads] = rules.flatMap(({ abortIncompleteMultipartUpload }) => abortIncompleteMultipartUpload ?? []);
  return [
    ...harmful.map(({ id }) => `the rule ${id} expires or moves objects`),
    ...rules.filter(({ status }) => status !== "Enabled").map(({ id }) => `the rule ${id} is off`),
    ...differs("days of unfinished uploads", uploads?.daysAfterInitiation, limits.abortUploadsAfterDays),
  ];
}

/** Older versions end by rule, those of a time when they were kept too: else they would be paid for ever. */
export function versionsEnd(deployed: Deployed): readonly string[] {
  const kept = ofType(deployed, "s3/bucketVersioning").length > 0;
  const rules = ofType(deployed, "s3/bucketLifecycleConfiguration").flatMap(({ inputs }) => inputs.rules as Rule[]);
  const days = rules.flatMap(({ noncurrentVersionExpiration }) => noncurrentVersionExpiration?.noncurrentDays ?? []);
  return [
    ...differs("days of older versions", days, [deployed.stage === "production" ? 7 : 1]),
    ...differs("versions kept", kept, deployed.stage === "production"),
  ];
}

/** Private, and by TLS only. */
export function privateBucket(deployed: Deployed): readonly string[] {
  const { bucket, ...block } = onlyOne(deployed, "s3/bucketPublicAccessBlock")?.inputs ?? {};
  const policy = onlyOne(deployed, "s3/bucketPolicy")?.inputs.policy as string | undefined;
  const arn = `arn:aws:s3:::${nameOf(deployed)}`;
  return [
    ...differs("the blocked bucket", bucket, nameOf(deployed)),
    ...["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"].flatMap((right) =>
      differs(right, block[right], true),
    ),
    ...differs("the bucket's policy", JSON.parse(policy ?? "{}").statements, [
      {
        actions: ["s3:*"],
        conditions: [{ test: "Bool", values: ["false"], variable: "aws:SecureTransport" }],
        effect: "Deny",
        principals: [{ identifiers: ["*"], type: "*" }],
        resources: [arn, `${arn}/*`],
      },
    ]),
    ...ofType(deployed, "s3/bucketCorsConfiguration").map(() => "browsers may read the bucket"),
  ];
}

/** Production can't be removed by accident, and its bucket outlives it; other stages leave nothing behind. */
export function protection(deployed: Deployed): readonly string[] {
  const production = deployed.stage === "production";
  const files = onlyOne(deployed, "s3/bucket");
  return [
    ...differs("removal", deployed.app.removal, production ? "retain" : "remove"),
    ...differs("protect", deployed.app.protect, production),
    ...differs("the bucket is retained", files?.retainOnDelete, production),
    ...differs("the bucket is emptied", files?.inputs.forceDestroy, !production),
    // What outlives its stage stays private, and its older versions go on ending.
    ...["s3/bucketPolicy", "s3/bucketPublicAccessBlock", "s3/bucketLifecycleConfiguration"].flatMap((type) =>
      ofType(deployed, type).flatMap(({ name, retainOnDelete }) =>
        differs(`${name} is retained`, retainOnDelete, production),
      ),
    ),
    // Retained, it would go on keeping versions when they are no longer wanted.
    ...ofType(deployed, "s3/bucketVersioning").flatMap(({ retainOnDelete }) =>
      differs("versioning is retained", retainOnDelete, false),
    ),
  ];
}

export const tagged = ({ app, stage }: Deployed): readonly string[] => [
  ...differs("tags", app.providers.aws.defaultTags.tags, { app: "mosaic", stage }),
  ...differs("the region", app.providers.aws.region, "us-east-1"),
];

/** What the commands of the docs need, and nobody could guess. */
export const outputs = ({ outputs: said, alarms }: Deployed): readonly string[] =>
  differs(
    "outputs",
    Object.entries(said).flatMap(([name, value]) => (value && !name.startsWith("_") ? [name] : [])),
    [...["api", "stream", "storage", "queue", "deadLetters", "accessLog", "region"], ...(alarms ? ["alarmTopic"] : [])],
  );

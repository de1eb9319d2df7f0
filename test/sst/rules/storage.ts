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

/** Versions are kept exactly when a rule ends them: else they would be paid for ever. */
export function versionsEnd(deployed: Deployed): readonly string[] {
  const kept = ofType(deployed, "s3/bucketVersioning").length > 0;
  const rules = ofType(deployed, "s3/bucketLifecycleConfiguration").flatMap(({ inputs }) => inputs.rules as Rule[]);
  const ends = rules.some(({ noncurrentVersionExpiration }) => (noncurrentVersionExpiration?.noncurrentDays ?? 0) > 0);
  return [
    ...differs("a rule that ends older versions", ends, kept),
    ...differs("versions kept", kept, deployed.stage === "production"),
  ];
}

/** Private, and by TLS only. */
export function privateBucket(deployed: Deployed): readonly string[] {
  const { bucket, ...block } = onlyOne(deployed, "s3/bucketPublicAccessBlock")?.inputs ?? {};
  const policy = onlyOne(deployed, "s3/bucketPolicy")?.inputs.policy as string | undefined;
  const statements = (
    JSON.parse(policy ?? '{"statements":[]}') as { statements: { effect?: string; conditions?: unknown[] }[] }
  ).statements;
  return [
    ...differs("the blocked bucket", bucket, nameOf(deployed)),
    ...["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"].flatMap((right) =>
      differs(right, block[right], true),
    ),
    ...differs(
      "what the bucket's policy does",
      statements.map(({ effect }) => effect),
      ["Deny"],
    ),
    ...differs("on which condition", JSON.stringify(statements[0]?.conditions)?.includes("aws:SecureTransport"), true),
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
  ];
}

export const tagged = ({ app, stage }: Deployed): readonly string[] =>
  differs("tags", app.providers.aws.defaultTags.tags, { app: "mosaic", stage });

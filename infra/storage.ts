import type { Options } from "./options.ts";
import { bucket as limits } from "./table.ts";

/**
 * The bucket, private and by TLS only. In production a removed stage leaves it, with what keeps it private and what ends
 * older versions, and `forceDestroy` (which would empty it first) is off.
 */
export function createStorage({ production, undeleteDays }: Options) {
  const outlives = (_args: unknown, options: $util.CustomResourceOptions): undefined => {
    options.retainOnDelete = production;
  };
  const files = new sst.aws.Bucket("Files", {
    // Browsers have no business here: whoever reads does it by the API.
    cors: false,
    versioning: undeleteDays > 0,
    transform: {
      bucket: (args) => {
        args.forceDestroy = !production;
      },
      policy: outlives,
      publicAccessBlock: outlives,
    },
  });
  createLifecycle(files, undeleteDays, production);
  return files;
}

/**
 * The only lifecycle configuration: of two on one bucket S3 keeps the last, silently. No rule touches a current object;
 * what a shard's life is, the manifest says. Older versions end also where none are kept any more: those of before would
 * be paid for without end.
 */
function createLifecycle(files: sst.aws.Bucket, undeleteDays: number, production: boolean): void {
  const everything = { prefix: "" };
  new aws.s3.BucketLifecycleConfiguration(
    "FilesLifecycle",
    {
      bucket: files.name,
      rules: [
        {
          id: "unfinished-uploads",
          status: "Enabled",
          filter: everything,
          abortIncompleteMultipartUpload: { daysAfterInitiation: limits.abortUploadsAfterDays },
        },
        {
          id: "older-versions",
          status: "Enabled",
          filter: everything,
          noncurrentVersionExpiration: { noncurrentDays: Math.max(1, undeleteDays) },
          // A marker with nothing behind it only slows listings.
          expiration: { expiredObjectDeleteMarker: true },
        },
      ],
    },
    { retainOnDelete: production },
  );
}

import { S3Client } from "@aws-sdk/client-s3";
import { describe, expect, test } from "vitest";
import { plainAddress } from "../../src/store/s3-place.ts";

const regions = [
  "us-east-1",
  "us-west-2",
  "eu-central-1",
  "ap-southeast-4",
  "sa-east-1",
  "us-gov-west-1",
  "il-central-1",
];

/** Where the SDK's own rules send a request. */
function byTheSdk(bucket: string, region: string, endpoint?: string): string {
  const { endpointProvider } = new S3Client({ region }).config;
  const { url } = endpointProvider({
    Bucket: bucket,
    Region: region,
    ...(endpoint === undefined ? {} : { Endpoint: endpoint, ForcePathStyle: true }),
  });
  return url.href;
}

describe("the address of a bucket is the one that the SDK finds", () => {
  test.each(regions)("in %s", (region) => {
    for (const bucket of ["my-bucket", "a1b", "mosaic-production-filesbucket-bavhvzet", "x".repeat(63)]) {
      const address = plainAddress({ bucket, endpoint: undefined, region });
      expect(`${address?.url.origin}${address?.path}`, bucket).toBe(byTheSdk(bucket, region));
      expect(address?.region).toBe(region);
    }
  });

  test.each(["http://127.0.0.1:9000", "https://objects.example.com", "https://example.com/s3/"])(
    "at %s",
    (endpoint) => {
      const address = plainAddress({ bucket: "my-bucket", endpoint, region: undefined });
      expect(`${address?.url.origin}${address?.path}`).toBe(`${byTheSdk("my-bucket", "us-east-1", endpoint)}/`);
      expect(address?.region).toBe("us-east-1");
    },
  );
});

test.each([
  ["a partition of its own", "my-bucket", "cn-north-1"],
  ["another one", "my-bucket", "us-iso-east-1"],
  ["a name that a certificate does not cover", "my.bucket", "us-east-1"],
  ["a directory bucket", "my--usw2-az1--x-s3", "us-west-2"],
  ["an access point", "arn:aws:s3:us-east-1:123456789012:accesspoint/mine", "us-east-1"],
  ["capitals", "MyBucket", "us-east-1"],
  ["no region", "my-bucket", undefined],
])("%s is for the SDK to find", (_, bucket, region) => {
  expect(plainAddress({ bucket, endpoint: undefined, region })).toBeUndefined();
});

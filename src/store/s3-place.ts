export interface S3Place {
  readonly bucket: string;
  /** Of all keys: ends with a slash, or is empty. */
  readonly prefix: string;
  /** An S3-compatible server; then path-style addressing. */
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
}

/** Where the objects of a bucket are asked for. */
export interface S3Address {
  /** Without a path. */
  readonly url: URL;
  /** Of the bucket, encoded; begins and ends with a slash. */
  readonly path: string;
  readonly region: string;
}

/**
 * The address of a bucket in the ordinary case, as the S3 user guide has it ("Virtual hosting of buckets"); undefined for
 * all others, whose address the SDK's rules find: other partitions, directory buckets, access points, names with dots.
 */
export function plainAddress({ bucket, endpoint, region }: Omit<S3Place, "prefix">): S3Address | undefined {
  if (endpoint !== undefined) {
    const { origin, pathname } = new URL(endpoint);
    const path = `${pathname.replace(/\/+$/, "")}/${encodePath(bucket)}/`;
    return { url: new URL(origin), path, region: region ?? "us-east-1" };
  }
  if (region === undefined || !isOrdinaryRegion(region) || !isOrdinaryBucket(bucket)) return undefined;
  return { url: new URL(`https://${bucket}.s3.${region}.amazonaws.com`), path: "/", region };
}

/** Of the partitions `aws` and `aws-us-gov`, which share a domain. */
const isOrdinaryRegion = (region: string): boolean => /^(?!cn-)[a-z]{2}(-gov)?-[a-z]+-\d$/.test(region);

/** A label of a host name, without the double hyphens that mark special buckets (`--x-s3`, `--ol-s3`). */
const isOrdinaryBucket = (bucket: string): boolean => /^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(bucket);

/** RFC 3986's unreserved characters stay, as signatures want it; `encodeURIComponent` leaves five more. */
export const encodePath = (path: string): string =>
  path
    .split("/")
    .map((part) =>
      encodeURIComponent(part).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`),
    )
    .join("/");

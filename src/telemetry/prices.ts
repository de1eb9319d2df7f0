/** What reading storage of a class costs, in dollars. */
interface StoragePrice {
  /** Of a GET, a HEAD, and whatever is neither PUT, COPY, POST nor LIST. */
  readonly get: number;
  /** Of the bytes that a GET gives, by 2^30. */
  readonly gigabyte: number;
}

/** By which S3 bills (S3 FAQ, "Billing"). */
export const gigabyteBytes = 2 ** 30;

/**
 * AWS list prices in us-east-1, July 2025 (aws.amazon.com/s3/pricing, "Requests & data retrievals"): $0.0004, $0.001 and
 * $0.01 a thousand GET; nothing, $0.01 and $0.03 a gigabyte that is read. A restored copy of GLACIER or DEEP_ARCHIVE is read
 * as standard objects are; what restoring costs is billed to who asked for it, and stands on no receipt.
 */
const standard: StoragePrice = { get: 0.4e-6, gigabyte: 0 };
const byClass: Readonly<Record<string, StoragePrice>> = {
  STANDARD_IA: { get: 1e-6, gigabyte: 0.01 },
  GLACIER_IR: { get: 10e-6, gigabyte: 0.03 },
};

export const storagePriceOf = (storageClass: string): StoragePrice => byClass[storageClass] ?? standard;

/** The same list: $0.005 a thousand PUT, COPY, POST or LIST, of the standard class. What goes into colder ones is no query's. */
export const putPrice = 5e-6;

/** Lambda on arm64, the same region and time (aws.amazon.com/lambda/pricing): $0.0000133334 a GB-second, $0.20 a million calls. */
export const gbSecondPrice = 0.0000133334;
export const invocationPrice = 0.2e-6;
/** What a function of 1,769 MB, which has one vCPU, costs for as long. */
export const computeSecondPrice = gbSecondPrice * (1769 / 1024);

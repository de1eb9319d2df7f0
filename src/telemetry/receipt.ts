import { AsyncLocalStorage } from "node:async_hooks";

/** What a query cost, as it goes. */
export interface Receipt {
  getRequests: number;
  putRequests: number;
  listRequests: number;
  bytesFetched: number;
  /** Of these, what was read in colder classes of storage, by class. */
  cold: Record<string, { requests: number; bytes: number }>;
  cacheHits: number;
  computeMs: number;
  /** Calls of leaf functions, what they took, and how much of that is in `computeMs` already. */
  invocations: number;
  functionGbSeconds: number;
  functionComputeMs: number;
}

const current = new AsyncLocalStorage<Receipt>();

export const emptyReceipt = (): Receipt => ({
  getRequests: 0,
  putRequests: 0,
  listRequests: 0,
  bytesFetched: 0,
  cold: {},
  cacheHits: 0,
  computeMs: 0,
  invocations: 0,
  functionGbSeconds: 0,
  functionComputeMs: 0,
});

/** Runs `task`; whatever it asks of storage, directly or through others, is written on `receipt`. */
export const withReceipt = <T>(receipt: Receipt, task: () => T): T => current.run(receipt, task);

/** The receipt of the query that is running here, if one is. */
export const currentReceipt = (): Receipt | undefined => current.getStore();

/** Dollars, by the price list below. Storage requests of a local folder cost nothing. */
export function usdOf(receipt: Receipt, remote: boolean): number {
  const requests = remote
    ? receipt.getRequests * prices.get + (receipt.putRequests + receipt.listRequests) * prices.put + coldUsd(receipt)
    : 0;
  const functions = receipt.invocations * prices.invocation + receipt.functionGbSeconds * prices.gbSecond;
  const computeHereMs = Math.max(0, receipt.computeMs - receipt.functionComputeMs);
  return requests + functions + (computeHereMs / 1000) * prices.computeSecond;
}

/** What reading in colder classes costs beyond a GET of the standard one. */
function coldUsd({ cold }: Receipt): number {
  return Object.entries(cold).reduce((sum, [name, { requests, bytes }]) => {
    const { get, gigabyte } = coldPrices[name] ?? { get: prices.get, gigabyte: 0 };
    return sum + requests * (get - prices.get) + (bytes / 1e9) * gigabyte;
  }, 0);
}

/**
 * The same list: $1 and $10 a million GET, $0.01 and $0.03 a gigabyte that is read. A copy that was restored of GLACIER or
 * DEEP_ARCHIVE is read as standard objects are; restoring it is billed to who asked for it.
 */
const coldPrices: Readonly<Record<string, { readonly get: number; readonly gigabyte: number }>> = {
  STANDARD_IA: { get: 1e-6, gigabyte: 0.01 },
  GLACIER_IR: { get: 10e-6, gigabyte: 0.03 },
};

/**
 * AWS list prices in us-east-1, July 2025. S3 Standard: $0.40 a million GET, $5 a million PUT or LIST. Compute is what an
 * arm64 Lambda of 1,769 MB (one vCPU) costs for as long: $0.0000133334 a GB-second. A call of one: $0.20 a million.
 */
const gbSecond = 0.0000133334;
const prices = { get: 0.4e-6, put: 5e-6, computeSecond: gbSecond * (1769 / 1024), gbSecond, invocation: 0.2e-6 };

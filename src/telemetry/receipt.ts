import { AsyncLocalStorage } from "node:async_hooks";

/** What a query cost, as it goes. */
export interface Receipt {
  getRequests: number;
  putRequests: number;
  listRequests: number;
  bytesFetched: number;
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
    ? receipt.getRequests * prices.get + (receipt.putRequests + receipt.listRequests) * prices.put
    : 0;
  const functions = receipt.invocations * prices.invocation + receipt.functionGbSeconds * prices.gbSecond;
  const computeHereMs = Math.max(0, receipt.computeMs - receipt.functionComputeMs);
  return requests + functions + (computeHereMs / 1000) * prices.computeSecond;
}

/**
 * AWS list prices in us-east-1, July 2025. S3 Standard: $0.40 a million GET, $5 a million PUT or LIST. Compute is what an
 * arm64 Lambda of 1,769 MB (one vCPU) costs for as long: $0.0000133334 a GB-second. A call of one: $0.20 a million.
 */
const gbSecond = 0.0000133334;
const prices = { get: 0.4e-6, put: 5e-6, computeSecond: gbSecond * (1769 / 1024), gbSecond, invocation: 0.2e-6 };

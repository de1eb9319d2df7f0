import { AsyncLocalStorage } from "node:async_hooks";
import {
  computeSecondPrice,
  gbSecondPrice,
  gigabyteBytes,
  invocationPrice,
  putPrice,
  storagePriceOf,
} from "./prices.ts";

/** What a query cost, as it goes. */
export interface Receipt {
  getRequests: number;
  putRequests: number;
  listRequests: number;
  bytesFetched: number;
  /** Of these, what was read or looked up in colder classes of storage, by class. */
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

/** Adds what was read in colder classes elsewhere. */
export function addCold(receipt: Receipt, cold: Readonly<Record<string, Readonly<Receipt["cold"][string]>>>): void {
  for (const [name, { requests, bytes }] of Object.entries(cold)) {
    receipt.cold[name] ??= { requests: 0, bytes: 0 };
    receipt.cold[name].requests += requests;
    receipt.cold[name].bytes += bytes;
  }
}

/** The receipt of the query that is running here, if one is. */
export const currentReceipt = (): Receipt | undefined => current.getStore();

/** Dollars, by the price list. Storage requests of a local folder cost nothing. */
export function usdOf(receipt: Receipt, remote: boolean): number {
  const functions = receipt.invocations * invocationPrice + receipt.functionGbSeconds * gbSecondPrice;
  const computeHereMs = Math.max(0, receipt.computeMs - receipt.functionComputeMs);
  return (remote ? storageUsd(receipt) : 0) + functions + (computeHereMs / 1000) * computeSecondPrice;
}

/** Requests that are not in `cold` are of the standard class, whose bytes cost nothing within the region. */
function storageUsd({ getRequests, putRequests, listRequests, cold }: Receipt): number {
  const colder = Object.entries(cold);
  const coldRequests = colder.reduce((sum, [, { requests }]) => sum + requests, 0);
  const standardUsd = (getRequests - coldRequests) * storagePriceOf("STANDARD").get;
  const coldUsd = colder.reduce((sum, [name, { requests, bytes }]) => {
    const { get, gigabyte } = storagePriceOf(name);
    return sum + requests * get + (bytes / gigabyteBytes) * gigabyte;
  }, 0);
  return standardUsd + coldUsd + (putRequests + listRequests) * putPrice;
}

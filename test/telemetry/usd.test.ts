import { expect, test } from "vitest";
import { addCold, emptyReceipt, type Receipt, usdOf } from "../../src/telemetry/index.ts";

const million = 1_000_000;
const gigabyte = 2 ** 30;

/** The rows of the price lists, as they are written there: by the thousand, the million, the gigabyte. */
test.each<[string, Partial<Receipt>, number]>([
  ["GET of STANDARD", { getRequests: million }, 0.4],
  ["PUT of STANDARD", { putRequests: million }, 5],
  ["LIST", { listRequests: million }, 5],
  ["bytes of STANDARD, within the region", { bytesFetched: gigabyte }, 0],
  ["GET of STANDARD_IA", { getRequests: million, cold: { STANDARD_IA: { requests: million, bytes: 0 } } }, 1],
  ["GET of GLACIER_IR", { getRequests: million, cold: { GLACIER_IR: { requests: million, bytes: 0 } } }, 10],
  ["bytes of STANDARD_IA", { bytesFetched: gigabyte, cold: { STANDARD_IA: { requests: 0, bytes: gigabyte } } }, 0.01],
  ["bytes of GLACIER_IR", { bytesFetched: gigabyte, cold: { GLACIER_IR: { requests: 0, bytes: gigabyte } } }, 0.03],
  [
    "a copy restored of GLACIER",
    { getRequests: million, cold: { GLACIER: { requests: million, bytes: gigabyte } } },
    0.4,
  ],
  ["calls of Lambda", { invocations: million }, 0.2],
  ["Lambda, arm64", { functionGbSeconds: million }, 13.3334],
  ["an hour of one vCPU", { computeMs: 3_600_000 }, 3600 * (1769 / 1024) * 0.0000133334],
  ["computing that a function has billed", { computeMs: 100, functionComputeMs: 100 }, 0],
])("%s", (_what, spent, usd) => {
  expect(usdOf({ ...emptyReceipt(), ...spent }, true)).toBeCloseTo(usd, 9);
});

test("storage requests of a folder cost nothing, whatever its classes are called", () => {
  const cold = { GLACIER_IR: { requests: 5, bytes: gigabyte } };
  expect(usdOf({ ...emptyReceipt(), getRequests: 9, putRequests: 9, listRequests: 9, cold }, false)).toBe(0);
});

test("what several have read is added up by class", () => {
  const receipt = emptyReceipt();
  for (let leaf = 0; leaf < 3; leaf++) addCold(receipt, { GLACIER_IR: { requests: 2, bytes: 100 } });
  addCold(receipt, { STANDARD_IA: { requests: 1, bytes: 7 } });
  addCold(receipt, {});
  expect(receipt.cold).toEqual({ GLACIER_IR: { requests: 6, bytes: 300 }, STANDARD_IA: { requests: 1, bytes: 7 } });
});

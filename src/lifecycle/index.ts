/**
 * lifecycle: is a collection whole, and what becomes of it?
 * Answers: proves every live object of a collection.
 * Owns: nothing of its own; it reads what the manifest names.
 * Never: repairs silently, or takes part in answering a query.
 */
export type { Problem } from "./findings.ts";
export { type Report, type VerifyParts, verifyCollection } from "./verify.ts";

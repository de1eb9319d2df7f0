import { maxMetadataDepth } from "../base/index.ts";
import type { Metadata } from "../engine/index.ts";

const fits = (value: unknown, depth: number): boolean => {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((member) => fits(member, depth - 1));
};

/**
 * True for a JSON object of finite numbers (JSON can write 1e999, which no number is) and bounded depth. Parsed JSON is
 * kept as it is, `__proto__` keys included: a schema that copies would lose them.
 */
export const isMetadata = (value: unknown): value is Metadata =>
  typeof value === "object" && value !== null && !Array.isArray(value) && fits(value, maxMetadataDepth);

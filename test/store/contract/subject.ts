import { randomBytes } from "node:crypto";
import type { GetOptions, ObjectStore } from "../../../src/store/index.ts";

/** What a contract suite works with: `fresh()` is a key prefix that nothing else uses. */
export interface Subject {
  store(): ObjectStore;
  /** A local folder. */
  folder(): string;
  fresh(): string;
}

export const refused = { kind: "conflict", code: "precondition_failed" };
/** More than what is read, sent or hashed at once anywhere. */
export const large = randomBytes(9 * 1024 * 1024);

/** The text that a get gives, in quotes, or its status. */
export async function textOf(store: ObjectStore, key: string, options?: GetOptions): Promise<string> {
  const got = await store.get(key, options);
  return got.status === "found" ? `"${Buffer.from(got.bytes).toString()}"` : got.status;
}

/**
 * keys: whose is this API key?
 * Answers: tenant and role of a key that storage knows; makes, lists and revokes such keys.
 * Owns: keys/ of the storage, and a short memory of what was found there.
 * Never: stores a key itself, or decides what a role may do.
 */
export { KeyRing } from "./key-ring.ts";
export { type KeyInfo, type NewKey, StoredKeys } from "./stored-keys.ts";

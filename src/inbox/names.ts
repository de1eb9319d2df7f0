import { collectionName, formatTimestamp, MosaicError, type Scope, sha256, tenantName } from "../base/index.ts";

export const inboxPrefix = "inbox/";
const mostKeyBytes = 1024;
/** Room for what is added to a name: a time, `.error.json`. */
const addedBytes = 64;

/** A file of the inbox: `inbox/<tenant>/<collection>/<name>`, whose name may hold slashes. */
export interface InboxFile {
  readonly key: string;
  readonly scope: Scope;
  readonly name: string;
}

/** Undefined for what is no file: a folder's marker, and names that begin with a dot, which is how uploads under way are called. */
export function isFile(key: string): boolean {
  const last = key.slice(key.lastIndexOf("/") + 1);
  return key.startsWith(inboxPrefix) && last !== "" && !last.startsWith(".");
}

/** Throws `invalid` (code `invalid_inbox_name`) for a key that names no tenant and collection. */
export function inboxFileOf(key: string): InboxFile {
  const [, tenant = "", collection = "", name = ""] = /^inbox\/([^/]*)\/([^/]*)\/(.+)$/s.exec(key) ?? [];
  try {
    if (name === "") throw new Error("no name");
    return { key, name, scope: { tenant: tenantName(tenant), collection: collectionName(collection) } };
  } catch (cause) {
    throw new MosaicError("invalid", "read inbox", {
      code: "invalid_inbox_name",
      detail: "A file belongs below inbox/<tenant>/<collection>/, both of 1 to 63 characters of a-z, 0-9, _ and -.",
      key,
      cause,
    });
  }
}

/** The same place below another prefix; where the key would be too long for S3, the name's hash stands for its end. */
export function placeUnder(prefix: string, key: string): string {
  const rest = key.slice(inboxPrefix.length);
  const place = prefix + rest;
  if (Buffer.byteLength(place) <= mostKeyBytes - addedBytes) return place;
  const folder = /^[^/]*\/[^/]*\//.exec(rest)?.[0] ?? "";
  const ending = /(?:\.[a-z]{1,8}){0,2}$/i.exec(rest)?.[0] ?? "";
  return prefix + folder.slice(0, 200) + sha256(rest) + ending;
}

/** `daily.ndjson.gz` as `daily.20260301T100000123Z.ndjson.gz`: the name of a second file of a name. */
export function withTime(key: string, epochMs: number): string {
  const time = `${formatTimestamp(epochMs).replaceAll(/[-:.]/g, "").replace(" ", "T")}Z`;
  const slash = key.lastIndexOf("/") + 1;
  const [, stem = "", ending = ""] = /^(.+?)((?:\.[a-z]{1,8}){0,2})$/is.exec(key.slice(slash)) ?? [];
  return `${key.slice(0, slash)}${stem}.${time}${ending}`;
}

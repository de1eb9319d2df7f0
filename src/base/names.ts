import { MosaicError } from "./errors.ts";

export type TenantName = string & { readonly brand: "TenantName" };
export type CollectionName = string & { readonly brand: "CollectionName" };
export type DocumentId = string & { readonly brand: "DocumentId" };
export type ShardId = string & { readonly brand: "ShardId" };

/** Which tenant's which collection: carried by every key, cache entry and worker message. */
export interface Scope {
  readonly tenant: TenantName;
  readonly collection: CollectionName;
}

const namePattern = /^[a-z0-9][a-z0-9_-]{0,62}$/;
/** Of a vector. */
export const maxDimensions = 4096;
/** A document id takes at most this many bytes of UTF-8. */
export const maxIdBytes = 512;
/** Deeper metadata serves nobody and could exhaust the stack of whoever walks it. */
export const maxMetadataDepth = 32;

function checkedName(kind: "tenant" | "collection", name: string): string {
  if (namePattern.test(name)) return name;
  throw new MosaicError("invalid", `name a ${kind}`, {
    code: `invalid_${kind}_name`,
    detail: `A ${kind} name is 1 to 63 characters of a-z, 0-9, "_" and "-", starting with a letter or digit.`,
  });
}

export const tenantName = (name: string): TenantName => checkedName("tenant", name) as TenantName;
export const collectionName = (name: string): CollectionName => checkedName("collection", name) as CollectionName;
export const scopeOf = (tenant: string, collection: string): Scope =>
  Object.freeze({ tenant: tenantName(tenant), collection: collectionName(collection) });

/** Any Unicode without NUL and without lone surrogates, 1 to 512 bytes; it never becomes part of a key. */
export function documentId(id: string): DocumentId {
  const bytes = Buffer.byteLength(id, "utf8");
  if (bytes >= 1 && bytes <= maxIdBytes && !id.includes("\0") && id.isWellFormed()) return id as DocumentId;
  throw new MosaicError("invalid", "name a document", {
    code: "invalid_id",
    detail: `A document id is 1 to ${maxIdBytes} bytes of UTF-8 without NUL; this one has ${bytes}${id.includes("\0") ? " and holds NUL" : ""}.`,
  });
}

/** Key prefix of a tenant's collection inside the storage, ending in a slash. */
export const collectionPrefix = (scope: Scope): string => `tenants/${scope.tenant}/${scope.collection}/`;

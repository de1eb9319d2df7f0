import { timingSafeEqual } from "node:crypto";
import {
  type ApiKey,
  type KeyRole,
  MosaicError,
  type Settings,
  sha256,
  type TenantName,
  tenantName,
} from "../base/index.ts";

/** What a call asks of its caller: a role, or `nothing` (health, documentation). */
export type Need = KeyRole | "nothing";

const rank: Record<KeyRole, number> = { read: 0, write: 1, admin: 2 };

const denied = (code: string, detail: string): MosaicError =>
  new MosaicError("denied", "admit a request", { code, detail });

function givenKey(headers: Headers): string | undefined {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "");
  return bearer?.[1] ?? headers.get("x-api-key") ?? undefined;
}

const digest = (key: string): Buffer => Buffer.from(sha256(key), "hex");

/** Compares with every key and in constant time, so that the time taken says nothing of any of them. */
function keyFinder(keys: readonly ApiKey[]): (given: string) => ApiKey | undefined {
  const known = keys.map((key) => ({ key, digest: digest(key.key) }));
  return (given) => {
    const wanted = digest(given);
    return known.filter((entry) => timingSafeEqual(entry.digest, wanted)).map((entry) => entry.key)[0];
  };
}

/** Who a key admits: to which tenant, to do what. */
export type Admitted = Pick<ApiKey, "tenant" | "role">;
/** Where keys are known beside the settings: in storage, hashed. */
export type KeyLookup = (given: string) => Promise<Admitted | undefined>;

function tenantOfKey(key: Admitted, headers: Headers): TenantName {
  const named = headers.get("x-mosaic-tenant");
  if (named !== null && named !== key.tenant) {
    throw denied("tenant_not_allowed", "This key belongs to another tenant; leave X-Mosaic-Tenant out.");
  }
  return key.tenant;
}

/** Without keys of any kind everyone may do everything. */
export const isOpen = ({ apiKeys, storedKeys }: Settings): boolean => apiKeys.length === 0 && !storedKeys;

/**
 * Says whose request this is, or throws `denied`. With keys the key alone decides the tenant; an open server believes
 * the header X-Mosaic-Tenant. Where keys are stored, and there is none, every call is refused.
 */
export function gatekeeper(
  settings: Settings,
  lookUp: KeyLookup,
): (headers: Headers, need: KeyRole) => Promise<TenantName> {
  if (isOpen(settings)) return async (headers) => tenantName(headers.get("x-mosaic-tenant") ?? "default");
  const find = keyFinder(settings.apiKeys);
  return async (headers, need) => {
    const given = givenKey(headers);
    if (given === undefined) throw denied("key_required", "Send your key as Authorization: Bearer <key> or X-API-Key.");
    const key: Admitted | undefined = find(given) ?? (settings.storedKeys ? await lookUp(given) : undefined);
    if (key === undefined) throw denied("key_unknown", "This key is not known here; ask the operator for another.");
    if (rank[key.role] < rank[need]) {
      throw denied("role_not_allowed", `This call needs a key with the role ${need}; yours has ${key.role}.`);
    }
    return tenantOfKey(key, headers);
  };
}

const loopbackHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;

/** True when `host` (name, or address, without brackets) is only reachable from this machine. */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host);

/**
 * An open server answers only to a loopback Host: a page on a name that an attacker rebinds to 127.0.0.1 would
 * otherwise read and write everything from the user's own browser.
 */
export function hostCheck(settings: Settings): (headers: Headers, url: string) => void {
  if (!isOpen(settings) || settings.allowOpen) return () => {};
  return (headers, url) => {
    if (loopbackHost.test(headers.get("host") ?? new URL(url).host)) return;
    throw denied(
      "host_not_allowed",
      "This server has no keys and answers only to localhost; set MOSAIC_API_KEYS to serve others.",
    );
  };
}

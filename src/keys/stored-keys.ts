import { timingSafeEqual } from "node:crypto";
import {
  type Clock,
  epochMsOf,
  formatTimestamp,
  type KeyRole,
  MosaicError,
  type Random,
  sha256,
  type TenantName,
  tenantName,
} from "../base/index.ts";
import type { ObjectStore } from "../store/index.ts";

/** What is known of a key: not the key, which only its holder has. Times in their stored form, UTC. */
export interface KeyInfo {
  /** The first 16 characters of the key's SHA-256: names it, and opens nothing. */
  readonly id: string;
  readonly tenant: TenantName;
  readonly role: KeyRole;
  /** For people: who or what uses it. */
  readonly name: string;
  readonly created_at: string;
  readonly expires_at: string | null;
}

export interface NewKey {
  readonly tenant: TenantName;
  readonly role: KeyRole;
  readonly name?: string;
  readonly expiresAtMs?: number;
}

interface Parts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
}

const prefix = "keys/";
/** 192 random bits: a plain SHA-256 of that can't be searched through, so that no salt and no slow hash is needed. */
const secretBytes = 24;
const pattern = /^mosaic_[0-9a-f]{48}$/;
const idLength = 16;
const objectName = /^keys\/([0-9a-f]{64})\.json$/;

/**
 * API keys as objects `keys/<SHA-256 of the key>.json`. Looking one up asks for the name that its own hash gives: one
 * GET, and no comparison whose time could tell an attacker how near a guess is.
 */
export class StoredKeys {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The only time that `key` is seen. */
  async create({ tenant, role, name = "", expiresAtMs }: NewKey): Promise<{ readonly key: string } & KeyInfo> {
    const { store, clock, random } = this.#parts;
    const key = `mosaic_${random.nonce(secretBytes)}`;
    const hash = sha256(key);
    const info: KeyInfo = {
      id: hash.slice(0, idLength),
      tenant,
      role,
      name,
      created_at: formatTimestamp(clock.now()),
      expires_at: expiresAtMs === undefined ? null : formatTimestamp(expiresAtMs),
    };
    const body = Buffer.from(`${JSON.stringify({ format: 1, sha256: hash, ...info }, null, 1)}\n`);
    await store.put(`${prefix}${hash}.json`, body, { contentType: "application/json" });
    return { key, ...info };
  }

  /** Undefined for a key that is unknown, revoked or expired. Throws `data` for one that can't be read. */
  async find(key: string): Promise<KeyInfo | undefined> {
    if (!pattern.test(key)) return undefined;
    const hash = sha256(key);
    const got = await this.#parts.store.get(`${prefix}${hash}.json`);
    if (got.status !== "found") return undefined;
    const { info, sha256: stored } = decode(got.bytes, hash);
    // Somebody may have copied an object to another name.
    const same = stored.length === hash.length && timingSafeEqual(Buffer.from(stored), Buffer.from(hash));
    return same && !this.isOver(info) ? info : undefined;
  }

  isOver({ expires_at }: KeyInfo): boolean {
    return expires_at !== null && epochMsOf(expires_at) <= this.#parts.clock.now();
  }

  /** Every key that was not revoked, expired ones too, by id. One LIST a thousand keys, one GET a key. */
  async list(): Promise<readonly KeyInfo[]> {
    const found: KeyInfo[] = [];
    for await (const { key } of this.#parts.store.list(prefix)) {
      const info = await this.#read(key);
      if (info !== undefined) found.push(info);
    }
    return found;
  }

  /** Deletes the key (of `tenant`, if one is named) whose id begins so. Throws `not_found`, or `invalid` when several do. */
  async revoke(id: string, tenant?: TenantName): Promise<KeyInfo> {
    const { store } = this.#parts;
    if (!/^[0-9a-f]{6,64}$/.test(id)) throw unknownKey();
    const keys: string[] = [];
    for await (const { key } of store.list(prefix + id, { limit: 2 })) keys.push(key);
    const [key, another] = keys;
    if (another !== undefined) throw ambiguous();
    const info = key === undefined ? undefined : await this.#read(key);
    if (key === undefined || info === undefined || (tenant ?? info.tenant) !== info.tenant) throw unknownKey();
    await store.delete(key);
    return info;
  }

  async #read(key: string): Promise<KeyInfo | undefined> {
    const [, hash] = objectName.exec(key) ?? [];
    if (hash === undefined) return undefined; // what else lies there is none of ours
    const got = await this.#parts.store.get(key);
    return got.status === "found" ? decode(got.bytes, hash).info : undefined;
  }
}

const isRole = (role: unknown): role is KeyRole => role === "read" || role === "write" || role === "admin";

/** A key that can't be read opens nothing: the role and tenant that it gave are not guessed. */
function decode(bytes: Uint8Array, hash: string): { readonly info: KeyInfo; readonly sha256: string } {
  try {
    const stored = JSON.parse(Buffer.from(bytes).toString("utf8")) as Record<string, unknown>;
    const { format, sha256: named, tenant, role, name, created_at, expires_at } = stored;
    const isWhole = format === 1 && typeof named === "string" && typeof created_at === "string" && isRole(role);
    if (!isWhole || !isTimeOrNull(expires_at)) throw new Error("not a key's description");
    const id = hash.slice(0, idLength);
    return {
      sha256: named,
      info: { id, tenant: tenantName(String(tenant)), role, name: String(name), created_at, expires_at },
    };
  } catch (cause) {
    throw new MosaicError("data", "read key", {
      code: "key_damaged",
      detail: "What is stored of this key can't be read; the operator revokes it and makes another.",
      key: `${prefix}${hash}.json`,
      hint: `mosaic keys create, then delete the object`,
      cause,
    });
  }
}

const isTimeOrNull = (value: unknown): value is string | null =>
  value === null || (typeof value === "string" && Number.isFinite(epochMsOf(value)));

const unknownKey = (): MosaicError =>
  new MosaicError("not_found", "revoke key", {
    code: "key_not_found",
    detail: "No key has this id; mosaic keys list shows those that there are.",
  });
const ambiguous = (): MosaicError =>
  new MosaicError("invalid", "revoke key", {
    code: "ambiguous_key",
    detail: "Several keys' ids begin so; give more of it.",
  });

import { LRUCache } from "lru-cache";
import { type Clock, sha256 } from "../base/index.ts";
import type { KeyInfo, StoredKeys } from "./stored-keys.ts";

interface Remembered {
  readonly info: Promise<KeyInfo | undefined>;
  readonly untilMs: number;
}

/** Keys remembered at once. */
const maxKeys = 10_000;
/** A key that was tried before it was made works this much later at most. */
const unknownMs = 5_000;

/** Stored keys with a short memory: a revoked key is refused everywhere at the latest `cacheMs` after its revocation. */
export class KeyRing {
  readonly #keys: StoredKeys;
  readonly #clock: Clock;
  readonly #cacheMs: number;
  /** By hash: what is in memory opens nothing either. */
  readonly #known = new LRUCache<string, Remembered>({ max: maxKeys });

  constructor(keys: StoredKeys, clock: Clock, cacheMs: number) {
    this.#keys = keys;
    this.#clock = clock;
    this.#cacheMs = cacheMs;
  }

  /** As `StoredKeys.find`; while storage does not answer, a key that is no longer remembered is not admitted. */
  async find(key: string): Promise<KeyInfo | undefined> {
    const hash = sha256(key);
    const known = this.#known.get(hash);
    const info = await (known !== undefined && known.untilMs > this.#clock.now() ? known.info : this.#ask(key, hash));
    return info === undefined || this.#keys.isOver(info) ? undefined : info;
  }

  /** Calls that come together ask once. */
  #ask(key: string, hash: string): Promise<KeyInfo | undefined> {
    const startMs = this.#clock.now();
    const asked: Remembered = { info: this.#keys.find(key), untilMs: startMs + this.#cacheMs };
    this.#known.set(hash, asked);
    asked.info.then(
      (info) => {
        if (info === undefined)
          this.#replace(hash, asked, { ...asked, untilMs: startMs + Math.min(unknownMs, this.#cacheMs) });
      },
      () => this.#replace(hash, asked, undefined),
    );
    return asked.info;
  }

  #replace(hash: string, old: Remembered, by: Remembered | undefined): void {
    if (this.#known.peek(hash) !== old) return;
    if (by === undefined) this.#known.delete(hash);
    else this.#known.set(hash, by);
  }
}

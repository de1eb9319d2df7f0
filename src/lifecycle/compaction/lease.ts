import { type Clock, collectionPrefix, isMosaicError, MosaicError, type Random, type Scope } from "../../base/index.ts";
import { isUnknownOutcome } from "../../manifest/index.ts";
import type { ObjectStore } from "../../store/index.ts";

interface Stored {
  /** Grows with every holder. The manifest remembers the largest that swapped, so that an older holder can't. */
  readonly token: number;
  readonly holder: string;
  readonly untilMs: number;
}

/** A holder that has not renewed for so long is taken for dead. Being wrong costs work, never data. */
const holdMs = 60_000;

/**
 * Keeps two processes from compacting the same collection: an object that is replaced by compare-and-swap. Clocks that
 * differ, or a holder that sleeps, only mean that two work at once; the fencing token and the swap's own checks decide.
 */
export class Lease {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #key: string;
  readonly #holder: string;
  #turn: Promise<void> = Promise.resolve();
  #held: { readonly stored: Stored; readonly etag: string } | undefined;

  constructor(parts: { readonly store: ObjectStore; readonly clock: Clock; readonly random: Random }, scope: Scope) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#key = `${collectionPrefix(scope)}leases/compaction`;
    this.#holder = parts.random.nonce(8);
  }

  /** The token to swap with, above `fence`. Throws `conflict` (code `compaction_running`) while another holder is alive. */
  async acquire(fence: number): Promise<number> {
    const got = await this.#store.get(this.#key);
    const other = got.status === "found" ? parse(got.bytes) : undefined;
    const alive = other !== undefined && other.holder !== this.#holder && other.untilMs > this.#clock.now();
    if (alive) throw running();
    const token = Math.max(other?.token ?? 0, fence) + 1;
    await this.#put(token, got.status === "found" ? got.info.etag : undefined);
    return token;
  }

  /** Renews until the returned function is called; a renewal that fails shows at the next `renew`. */
  keep(): () => void {
    let ended = false;
    let cancel: () => void = () => undefined;
    const wait = (): void => {
      if (ended) return;
      cancel = this.#clock.schedule(holdMs / 3, () => {
        this.renew().then(wait, wait);
      });
    };
    wait();
    return () => {
      ended = true;
      cancel();
    };
  }

  /** Throws `conflict` once somebody else has taken over. */
  renew(): Promise<void> {
    const turn = this.#turn.then(() => this.#renew());
    this.#turn = turn.catch(() => undefined); // the caller is told; the next turn makes its own attempt
    return turn;
  }

  async #renew(): Promise<void> {
    if (this.#held === undefined) throw running();
    const { stored, etag } = this.#held;
    if (stored.untilMs - this.#clock.now() > holdMs / 2) return;
    await this.#put(stored.token, etag);
  }

  /** The next one need not wait. */
  async release(): Promise<void> {
    await this.#turn;
    if (this.#held === undefined) return;
    const { stored, etag } = this.#held;
    this.#held = undefined;
    const body = Buffer.from(JSON.stringify({ ...stored, untilMs: 0 }));
    await this.#store.put(this.#key, body, { ifMatch: etag }).catch(() => undefined); // it runs out by itself
  }

  async #put(token: number, before: string | undefined): Promise<void> {
    const stored: Stored = { token, holder: this.#holder, untilMs: this.#clock.now() + holdMs };
    const body = Buffer.from(JSON.stringify(stored));
    try {
      const { etag } = await this.#store.put(
        this.#key,
        body,
        before === undefined ? { ifNoneMatch: "*" } : { ifMatch: before },
      );
      this.#held = { stored, etag };
    } catch (error) {
      if (!isMosaicError(error, "conflict") && !isUnknownOutcome(error)) throw error;
      const got = await this.#store.get(this.#key);
      const now = got.status === "found" ? parse(got.bytes) : undefined;
      if (got.status !== "found" || now?.holder !== this.#holder || now.token !== token) {
        this.#held = undefined;
        throw running();
      }
      this.#held = { stored: now, etag: got.info.etag };
    }
  }
}

function parse(bytes: Uint8Array): Stored {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8")) as Stored;
  } catch {
    // It guards nothing but work: whoever reads one that is damaged takes it over.
    return { token: 0, holder: "", untilMs: 0 };
  }
}

const running = (): MosaicError =>
  new MosaicError("conflict", "compact", {
    code: "compaction_running",
    detail: "Another process is compacting this collection; it goes on by itself if that one has died.",
    retryAfterMs: holdMs,
  });

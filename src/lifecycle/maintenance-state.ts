import { type Clock, isMosaicError, MosaicError, type Random, type Scope, type TenantName } from "../base/index.ts";
import { isUnknownOutcome } from "../manifest/index.ts";
import type { ObjectStore } from "../store/index.ts";

interface Stored {
  readonly format: 1;
  readonly holder: string;
  readonly untilMs: number;
  /** `<tenant>/<collection>` whose turn it was last. */
  readonly after: string;
  /** When something was last done to a collection, by `<what> <tenant>/<collection>`. */
  readonly doneMs: Readonly<Record<string, number>>;
  /** Tenants where the last looks found nothing to do. */
  readonly quiet: Readonly<Record<string, Quiet>>;
}

interface Quiet {
  /** Looks in a row that found nothing. */
  readonly looks: number;
  readonly untilMs: number;
}

interface Parts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
}

const key = "maintenance/state.json";
/** A run that has written nothing for so long is taken for dead. Two at once would only do work twice. */
const holdMs = 120_000;
const empty: Stored = { format: 1, holder: "", untilMs: 0, after: "", doneMs: {}, quiet: {} };
/** After one look that found nothing; twice as long after each more, up to MAINTAIN_QUIET_MS. */
const firstQuietMs = 15 * 60_000;

const nameOf = ({ tenant, collection }: Scope): string => `${tenant}/${collection}`;

/** Whose turn it is, as an object that one run at a time writes by compare-and-swap. */
export class MaintenanceState {
  readonly #parts: Parts;
  #stored: Stored;
  #etag: string;

  private constructor(parts: Parts, stored: Stored, etag: string) {
    this.#parts = parts;
    this.#stored = stored;
    this.#etag = etag;
  }

  /** Undefined while another run is alive. */
  static async take(parts: Parts): Promise<MaintenanceState | undefined> {
    const { store, clock, random } = parts;
    const got = await store.get(key);
    const before = got.status === "found" ? decode(got.bytes) : empty;
    if (before.untilMs > clock.now()) return undefined;
    const stored: Stored = { ...before, holder: random.nonce(8), untilMs: clock.now() + holdMs };
    const etag = await put(store, stored, got.status === "found" ? got.info.etag : undefined);
    return etag === undefined ? undefined : new MaintenanceState(parts, stored, etag);
  }

  /** The same collections, beginning behind the one whose turn it was last. */
  inTurn(scopes: readonly Scope[]): readonly Scope[] {
    const first = scopes.findIndex((scope) => nameOf(scope) === this.#stored.after) + 1;
    return [...scopes.slice(first), ...scopes.slice(0, first)];
  }

  lastMs(what: string, scope: Scope): number {
    return this.#stored.doneMs[`${what} ${nameOf(scope)}`] ?? 0;
  }

  /** When something that concerns no collection was last done to its end; 0: never. */
  lastOfAllMs(what: string): number {
    return this.#stored.doneMs[what] ?? 0;
  }

  async noteDone(what: string): Promise<void> {
    const now = this.#parts.clock.now();
    await this.#write({ doneMs: { ...this.#stored.doneMs, [what]: now }, untilMs: now + holdMs });
  }

  /** Whether a tenant was found with nothing to do, so that it is not asked again yet. */
  isQuiet(tenant: TenantName): boolean {
    return (this.#stored.quiet[tenant]?.untilMs ?? 0) > this.#parts.clock.now();
  }

  /** What this run found: whether there was anything to do, for each tenant whose collections it has all looked at. */
  noteLooks(found: ReadonlyMap<TenantName, boolean>, quietMaxMs: number): void {
    const now = this.#parts.clock.now();
    const quiet = { ...this.#stored.quiet };
    for (const [tenant, busy] of found) {
      const looks = busy ? 0 : (quiet[tenant]?.looks ?? 0) + 1;
      if (looks === 0) delete quiet[tenant];
      else quiet[tenant] = { looks, untilMs: now + Math.min(quietMaxMs, firstQuietMs * 2 ** Math.min(looks - 1, 20)) };
    }
    this.#stored = { ...this.#stored, quiet };
  }

  /** Written before the work: a collection that ends the process is not the first of the next run again. */
  async begin(scope: Scope, what: readonly string[]): Promise<void> {
    const now = this.#parts.clock.now();
    const done = Object.fromEntries(what.map((name) => [`${name} ${nameOf(scope)}`, now]));
    await this.#write({ after: nameOf(scope), doneMs: { ...this.#stored.doneMs, ...done }, untilMs: now + holdMs });
  }

  async release(): Promise<void> {
    await this.#write({ untilMs: 0 }).catch((error: unknown) => {
      if (!isMosaicError(error)) throw error; // it runs out by itself
    });
  }

  async #write(change: Partial<Stored>): Promise<void> {
    const stored = { ...this.#stored, ...change };
    const etag = await put(this.#parts.store, stored, this.#etag);
    if (etag === undefined)
      throw new MosaicError("conflict", "maintain", {
        code: "maintenance_taken_over",
        detail: "Another run of maintenance has begun.",
      });
    this.#stored = stored;
    this.#etag = etag;
  }
}

async function put(store: ObjectStore, stored: Stored, before: string | undefined): Promise<string | undefined> {
  const body = Buffer.from(`${JSON.stringify(stored)}\n`);
  try {
    return (await store.put(key, body, before === undefined ? { ifNoneMatch: "*" } : { ifMatch: before })).etag;
  } catch (error) {
    if (!isMosaicError(error, "conflict") && !isUnknownOutcome(error)) throw error;
    const got = await store.get(key);
    return got.status === "found" && Buffer.compare(got.bytes, body) === 0 ? got.info.etag : undefined;
  }
}

/** It guards nothing but the order of work: one that is damaged begins anew. */
function decode(bytes: Uint8Array): Stored {
  try {
    return { ...empty, ...(JSON.parse(Buffer.from(bytes).toString("utf8")) as Partial<Stored>) };
  } catch {
    return empty;
  }
}

import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { type Clock, MosaicError, type Random } from "../base/index.ts";

/** Keys share this many lock files, by hash. */
const buckets = 64;
const giveUpAfterMs = 30_000;

/**
 * Mutual exclusion between processes on one folder: `BEGIN EXCLUSIVE` on a SQLite file, which is a lock that the kernel
 * releases when its holder dies. Within a process the holders of one lock queue up first.
 */
export class FolderLock {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #open = new Map<string, Database.Database>();
  readonly #queues = new Map<string, Promise<void>>();

  constructor(folder: string, clock: Clock, random: Random) {
    this.#folder = folder;
    this.#clock = clock;
    this.#random = random;
  }

  async hold<T>(key: string, task: () => Promise<T>): Promise<T> {
    const bucket = String(createHash("sha256").update(key).digest().readUInt32LE(0) % buckets);
    const before = this.#queues.get(bucket) ?? Promise.resolve();
    const turn = before.then(() => this.#exclusively(bucket, task));
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#queues.set(bucket, settled);
    return await turn;
  }

  close(): void {
    for (const db of this.#open.values()) db.close();
    this.#open.clear();
  }

  async #exclusively<T>(bucket: string, task: () => Promise<T>): Promise<T> {
    const db = this.#database(bucket);
    await this.#begin(db);
    try {
      return await task();
    } finally {
      db.exec("ROLLBACK");
    }
  }

  /** Tries again and again instead of waiting inside SQLite, which would stop the event loop. */
  async #begin(db: Database.Database): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    for (let attempt = 0; ; attempt++) {
      try {
        // The file stays empty: no journal is ever needed, and none is left behind by a holder that was killed.
        // Both statements read the file first, and so find it locked while another process holds it.
        db.pragma("journal_mode = MEMORY");
        db.exec("BEGIN EXCLUSIVE");
        return;
      } catch (cause) {
        const busy = String((cause as { code?: unknown }).code).startsWith("SQLITE_BUSY");
        if (!busy || this.#clock.monotonicMs() - startedMs > giveUpAfterMs) {
          throw new MosaicError("unavailable", "lock object", {
            code: "storage_locked",
            detail: "Another process holds the storage's lock; try again.",
            retryAfterMs: 1000,
            cause,
          });
        }
        await this.#clock.sleep(1 + this.#random.next() * Math.min(20, 2 ** attempt));
      }
    }
  }

  #database(bucket: string): Database.Database {
    const known = this.#open.get(bucket);
    if (known !== undefined) return known;
    mkdirSync(this.#folder, { recursive: true });
    const db = new Database(join(this.#folder, `${bucket}.lock`), { timeout: 0 });
    this.#open.set(bucket, db);
    return db;
  }
}

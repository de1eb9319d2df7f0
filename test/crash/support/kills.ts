import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { collectionName, seededRandom, settingsFrom, tenantName } from "../../../src/base/index.ts";
import { Mosaic } from "../../../src/engine/index.ts";
import { type ServerProcess, startServer } from "./server.ts";

export const kills = 50;
const writers = 8;
const idsPerWriter = 12;
/** Writes that are acknowledged before most kills. */
const leastWritten = 8;
/** Folds so often that kills fall into them as well. */
const busyFolds = {
  FOLD_SEGMENTS: "3",
  FOLD_IDLE_MS: "50",
  SHARD_MAX_DOCS: "60",
  GC_GRACE_MS: "200",
  SNAPSHOT_KEEP_MS: "200",
  SEARCH_THREADS: "1",
};

const scope = { tenant: tenantName("default"), collection: collectionName("documents") };

/** What a writer knows of one id: the value that was acknowledged last, and those whose answer never came since. */
interface Known {
  acknowledged: number | undefined;
  doubtful: (number | undefined)[];
}

/** Writes and deletes its own ids, one request after the other, until the server is gone. */
class Writer {
  readonly ids: readonly string[];
  readonly known = new Map<string, Known>();
  readonly #random: () => number;
  #next = 1;

  constructor(number: number) {
    this.#random = seededRandom(number);
    this.ids = Array.from({ length: idsPerWriter }, (_, at) => `writer ${number}/${at}`);
    for (const id of this.ids) this.known.set(id, { acknowledged: undefined, doubtful: [] });
  }

  async writeUntilItFails(base: string, onAcknowledged: () => void): Promise<number> {
    for (let acknowledged = 0; ; acknowledged++) {
      const id = this.ids[Math.floor(this.#random() * idsPerWriter)] as string;
      const known = this.known.get(id) as Known;
      const removes = this.#random() < 0.2 && known.acknowledged !== undefined && known.doubtful.length === 0;
      const value = removes ? undefined : this.#next++;
      known.doubtful.push(value);
      try {
        if (!(await this.#write(base, id, value))) continue;
      } catch {
        return acknowledged;
      }
      known.acknowledged = value;
      known.doubtful = [];
      onAcknowledged();
    }
  }

  /** False when the server asked to come back later: nothing was stored. */
  async #write(base: string, id: string, value: number | undefined): Promise<boolean> {
    const address = `${base}/api/v1/documents`;
    const response =
      value === undefined
        ? await fetch(`${address}?id=${encodeURIComponent(id)}`, { method: "DELETE" })
        : await fetch(address, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ id, text: `value ${value}`, metadata: { value }, embedding: [value, 1, id.length] }),
          });
    await response.text();
    if (response.status === 503) return false;
    if (!response.ok) throw new Error(`${response.status}`);
    return true;
  }
}

/** Asks for something again and again, until the server is gone. Returns how often it was begun. */
async function askUntilItFails(address: string, body: unknown, onAnswer: () => void): Promise<number> {
  const headers = { "content-type": "application/json" };
  for (let begun = 0; ; begun++) {
    try {
      const response = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
      await response.text();
      onAnswer();
    } catch {
      return begun + 1;
    }
  }
}

/**
 * Kills a server of these settings again and again while it is written to, then expects every acknowledged write, once, and
 * nothing that was deleted.
 */
export async function expectToSurvive(env: Readonly<Record<string, string>>): Promise<void> {
  const random = seededRandom(42);
  const all = Array.from({ length: writers }, (_, number) => new Writer(number));
  let acknowledged = 0;
  let [compactions, collections] = [0, 0];
  for (let round = 0; round < kills; round++) {
    const server: ServerProcess = await startServer({ ...env, ...busyFolds });
    const { promise: written, resolve: enough } = Promise.withResolvers<void>();
    let wanted = leastWritten;
    const onAcknowledged = (): void => {
      if (--wanted === 0) enough();
    };
    const { promise: compacted, resolve: onCompact } = Promise.withResolvers<void>();
    const { promise: collected, resolve: onCollect } = Promise.withResolvers<void>();
    const collection = `${server.base}/api/v1/collections/documents`;
    const compacting = askUntilItFails(`${collection}/compact`, {}, onCompact);
    const collecting = askUntilItFails(`${collection}/gc`, { dry_run: false }, onCollect);
    const writing = all.map((writer) => writer.writeUntilItFails(server.base, onAcknowledged));
    // Sometimes before anything is stored, mostly while writes and folds are under way.
    if (round % 5 > 0) await Promise.all([written, compacted, collected]);
    await new Promise((resolve) => setTimeout(resolve, random() * 300));
    await server.kill();
    acknowledged += (await Promise.all(writing)).reduce((sum, count) => sum + count, 0);
    compactions += await compacting;
    collections += await collecting;
  }
  expect(acknowledged).toBeGreaterThan((kills * leastWritten) / 2);
  // Most of them are killed on the way, which is the point.
  expect(compactions).toBeGreaterThan(kills);
  expect(collections).toBeGreaterThan(kills);
  await expectNothingLost(all, env);
}

async function expectNothingLost(all: readonly Writer[], env: Readonly<Record<string, string>>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-kill-check-"));
  const engine = await Mosaic.open(settingsFrom({ embeddingModel: "none", cachePath: folder }, { ...env }));
  let live = 0;
  for (const { id, known } of all.flatMap((writer) =>
    writer.ids.map((id) => ({ id, known: writer.known.get(id) as Known })),
  )) {
    const found = await engine.get(scope, id).then(
      ({ metadata }) => metadata["value"] as number,
      (error: { kind?: string }) => {
        if (error.kind !== "not_found") throw error;
        return undefined;
      },
    );
    expect([known.acknowledged, ...known.doubtful], id).toContain(found);
    if (found !== undefined) live++;
  }
  // Each id once: the count is of rows, and a search over everything names none twice.
  expect((await engine.stats(scope)).documents).toBe(live);
  const { results } = await engine.search(scope, { vector: [1, 1, 1], limit: 1000, recall: "exact" });
  expect(results).toHaveLength(live);
  expect(new Set(results.map(({ id }) => id)).size).toBe(live);
  expect(await engine.verify(scope)).toMatchObject({ ok: true, problems: [], documents: live });
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Scope, type Settings, scopeOf, seededRandom, settingsFrom } from "../../../src/base/index.ts";
import { Mosaic, type OpenOptions } from "../../../src/engine/index.ts";
import { MemoryStore, Metered, type ObjectStore } from "../../../src/store/index.ts";
import { currentReceipt } from "../../../src/telemetry/index.ts";

type CleanUp = () => unknown;
let onEnd: (cleanUp: CleanUp) => void = (cleanUp) =>
  onTestFinished(async () => {
    await cleanUp();
  });

/**
 * For what several tests share: return the result from `beforeAll`, and it is closed and removed after the last one.
 * `beforeAll(() => shared(async () => { … }))`
 */
export async function shared(task: () => Promise<void>): Promise<() => Promise<void>> {
  const before = onEnd;
  const cleanUps: CleanUp[] = [];
  onEnd = (cleanUp) => cleanUps.unshift(cleanUp);
  try {
    await task();
  } finally {
    onEnd = before;
  }
  return async () => {
    for (const cleanUp of cleanUps) await cleanUp();
  };
}

/** Runs `cleanUp` when the test is finished, or everything that shares it. */
export const atEnd = (cleanUp: CleanUp): void => onEnd(cleanUp);

/** A folder that is gone when the test is. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-test-"));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Small and quiet: one search thread, no fold unless a test asks for it, vectors brought by the client. */
export function testSettings(overrides: Partial<Settings> = {}): Settings {
  return settingsFrom(
    {
      embeddingModel: "none",
      cachePath: temporaryFolder(),
      searchThreads: 1,
      foldSegments: 1_000_000,
      foldIdleMs: 1_000_000_000,
      shardTimeoutMs: 20_000,
      ...overrides,
    },
    {},
  );
}

export interface TestEngineOptions extends OpenOptions {
  readonly settings?: Partial<Settings>;
}

/** An engine over `store` (a new one in memory by default), closed when the test is finished. */
export async function openTestEngine({
  settings = {},
  store = new MemoryStore(),
  ...options
}: TestEngineOptions = {}): Promise<Mosaic> {
  const engine = await Mosaic.open(testSettings(settings), { ...options, store: new Metered(store, currentReceipt) });
  onEnd(() => engine.close());
  return engine;
}

export type { ObjectStore };
export const docs: Scope = scopeOf("acme", "docs");

/** Vectors of `dimensions` numbers in −1…1. */
export function vectorsOf(seed: number, dimensions: number): () => number[] {
  const next = seededRandom(seed);
  return () => Array.from({ length: dimensions }, () => Math.fround(next() * 2 - 1));
}

/** The error that a promise rejects with. Fails when it does not. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("error" in outcome) return outcome.error;
  throw new Error(`expected a rejection, got ${JSON.stringify(outcome.value)}`);
}

import { jsonLogger, type Logger, type Settings, settingsFrom, systemClock } from "../src/base/index.ts";

/**
 * Settings of a function: those of its environment, and what follows from being one, which that does not change. An environment
 * answers one request: a thread would only be started, and lost. Nothing runs between two requests, so nothing is kept ready,
 * and nothing is done when idle or behind an answer; what is due is done before it.
 */
export function functionSettings(overrides: Partial<Settings> = {}): Settings {
  const one = { searchThreads: 0, embeddingThreads: 1, sqlSpares: 0, compactAutomatically: false, foldIdleMs: 0 };
  return settingsFrom({ ...one, ...overrides });
}

/** Lines on standard error, which Lambda keeps as the function's log. */
export const functionLogger = ({ logLevel }: Settings): Logger =>
  jsonLogger(logLevel, systemClock.now, (line) => process.stderr.write(line));

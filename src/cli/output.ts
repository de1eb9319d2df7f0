import type { WriteStream } from "node:tty";

/** Standard output takes data, standard error everything else. A reader that went away (`| head`) is no error. */
export class Output {
  readonly #out: WriteStream;
  readonly #error: WriteStream;

  constructor(out: WriteStream, error: WriteStream, onReaderGone: () => void) {
    this.#out = out;
    this.#error = error;
    for (const stream of [out, error]) {
      stream.on("error", (failure: NodeJS.ErrnoException) => {
        if (failure.code === "EPIPE") onReaderGone();
        else throw failure;
      });
    }
  }

  /** People watch standard error: progress may be drawn on it. */
  get isWatched(): boolean {
    return this.#error.isTTY === true;
  }
  /** Columns for data; wide when nobody looks. */
  get columns(): number {
    return this.#out.isTTY ? (this.#out.columns ?? 80) : 120;
  }

  data(line: string): void {
    this.#out.write(`${line}\n`);
  }
  json(value: unknown): void {
    this.data(JSON.stringify(value));
  }
  note(line: string): void {
    this.#error.write(`${line}\n`);
  }
  /** Writes without a line end: log lines and progress. */
  raw(text: string): void {
    this.#error.write(text);
  }
}

/** Rows in columns as wide as their widest cell; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, String(cell).length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, at) => {
        const width = widths[at] ?? 0;
        return typeof cell === "number" ? String(cell).padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
}

const units = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytesText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}

/** 1234567 as `1,234,567`. */
export const countText = (count: number): string => count.toLocaleString("en-US");

/** `1 document`, `2 documents`. */
export const plural = (count: number, noun: string): string => `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;

export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

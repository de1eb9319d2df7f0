import { MosaicError } from "../base/index.ts";

/** A line, row or document that was not stored. */
export interface Refusal {
  /** `line 7`, from 1. */
  readonly place: string;
  readonly id?: string;
  readonly code: string;
  readonly detail: string;
}

/**
 * What is known of a file, as the object `inbox-state/<tenant>/<collection>/<name>`, replaced by compare-and-swap: who is
 * reading it, how far it was read, what became of it. Times in milliseconds since the epoch.
 */
export interface FileRecord {
  readonly format: 1;
  readonly key: string;
  /** Which file of this name: another one begins anew. */
  readonly etag: string;
  readonly modifiedMs: number;
  readonly sizeBytes: number;
  /** Who reads it, or did last, and until when that one is taken to be alive. */
  readonly holder: string;
  readonly untilMs: number;
  /** Grows with every write. */
  readonly revision: number;
  /**
   * `reading` · `moving`: all is stored, the file has still to go where `target` says · `processed`, `failed`: it went
   * there · `gone`: it was taken away before it was read.
   */
  readonly status: "reading" | "moving" | "processed" | "failed" | "gone";
  /** Documents and refusals up to here are done. */
  readonly cursor: Cursor;
  readonly accepted: number;
  readonly refused: number;
  /** The first of them. */
  readonly refusals: readonly Refusal[];
  /** Why the file can't be read, or read further. */
  readonly fault: Refusal | null;
  readonly outcome: "processed" | "failed" | null;
  readonly target: string | null;
  readonly startedMs: number;
  readonly updatedMs: number;
  /** Tries since it last came further, and what the last one ended with. */
  readonly tries: number;
  readonly trouble: { readonly code: string; readonly detail: string } | null;
  /** Who looks for files that were left behind leaves this one alone until then. */
  readonly retryAtMs: number;
}

export interface Cursor {
  /** The last line or document that is done; 0 before the first. */
  readonly at: number;
  /** NDJSON: bytes of unzipped text up to there. */
  readonly bytes: number;
}

export const isOver = ({ status }: FileRecord): boolean =>
  status === "processed" || status === "failed" || status === "gone";

export const encodeRecord = (record: FileRecord): Uint8Array => Buffer.from(`${JSON.stringify(record)}\n`);

export function decodeRecord(bytes: Uint8Array, key: string): FileRecord {
  try {
    const record = JSON.parse(Buffer.from(bytes).toString("utf8")) as FileRecord;
    if (record.format !== 1 || typeof record.etag !== "string") throw new Error("no record of a file");
    return record;
  } catch (cause) {
    throw new MosaicError("data", "read inbox", {
      code: "inbox_state_damaged",
      detail: "What is known of the file can't be read; without it the file is read again from its beginning.",
      hint: "delete the object",
      key,
      cause,
    });
  }
}

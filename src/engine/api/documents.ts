export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Metadata = { readonly [key: string]: Json };

/** A document as a client sends it. Checked by the engine: see docs/api.md for limits. */
export interface DocumentInput {
  /** Made by the engine when absent. */
  readonly id?: string;
  readonly text: string;
  readonly metadata?: Metadata;
  /** Brought by the client; otherwise `text` is embedded by the collection's model. */
  readonly embedding?: readonly number[] | Float32Array;
  /** ISO 8601; stored as UTC `YYYY-MM-DD HH:MM:SS[.SSS]`. */
  readonly created_at?: string;
}

export interface DocumentPatch {
  readonly text?: string;
  /** JSON merge patch (RFC 7396). */
  readonly metadata?: Metadata;
  readonly embedding?: readonly number[] | Float32Array;
  readonly created_at?: string;
}

export interface StoredDocument {
  readonly id: string;
  readonly text: string;
  readonly metadata: Metadata;
  readonly created_at: string;
  readonly updated_at: string;
  /** Only when asked for. */
  readonly embedding?: readonly number[];
}

/** `version` is `<wal sequence>.<index>`: it grows with every write to the collection. */
export interface WriteResult {
  readonly id: string;
  readonly version: string;
}

export interface BatchProblem {
  readonly index: number;
  readonly id?: string;
  readonly code: string;
  readonly detail: string;
}
export interface BatchResult {
  readonly accepted: number;
  /** One per document that was not stored, and one (code `duplicate_id`, stored all the same by its last) per repeat. */
  readonly errors: readonly BatchProblem[];
}

export interface GetOptions {
  readonly embedding?: boolean;
  /** As in searches. */
  readonly as_of?: number | string;
}

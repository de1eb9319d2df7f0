/** What a thread is asked: one slice of texts at a time. */
export interface SliceRequest {
  readonly texts: readonly string[];
}

/** Asks a thread to end as soon as it is between two runs of the model. */
export interface EndRequest {
  readonly end: true;
}

export type ThreadRequest = SliceRequest | EndRequest;

/** What a thread says: once that it is ready (or can't be), then one answer for each slice. */
export type ThreadReply =
  | { readonly kind: "ready"; readonly dimensions: number }
  | { readonly kind: "not_loaded"; readonly message: string }
  | { readonly kind: "vectors"; readonly vectors: readonly Float32Array<ArrayBuffer>[] }
  | { readonly kind: "failed"; readonly message: string };

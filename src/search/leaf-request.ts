import type { Scope, SerializedError } from "../base/index.ts";
import type { Distance, ShardEntry } from "../manifest/index.ts";
import type { CellVisits } from "../selection/index.ts";

/**
 * What the root asks of a leaf: frozen plain data, the same for a thread, a function or `explain`. It names objects by
 * key; whoever runs the leaf sees to it that their bytes are at hand.
 */
export type LeafRequest = VectorRequest | LookupRequest;

/** What a leaf needs to know of a shard; it travels with every request, so no more than that. */
export type LeafShard = Pick<ShardEntry, "id" | "file" | "deletes" | "documents" | "vectors" | "cells">;

export const leafShard = ({ id, file, deletes, documents, vectors, cells }: ShardEntry): LeafShard => ({
  id,
  file,
  deletes,
  documents,
  vectors,
  cells,
});

export interface ShardTarget {
  readonly entry: LeafShard;
  /** Ids whose rows here are out of date, because the tail replaces or deletes them. */
  readonly excluded: readonly string[];
}

export interface VectorRequest {
  readonly kind: "vector";
  readonly scope: Scope;
  readonly shards: readonly ShardTarget[];
  /** As searched: of unit length for cosine. */
  readonly query: Float32Array;
  readonly distance: Distance;
  /** `codes`: scan binary codes of the visited cells. `exact`: scan int8 vectors of every cell, with a proven bound. */
  readonly mode: "codes" | "exact";
  readonly visits: CellVisits;
  /** Best results wanted of all shards together. */
  readonly limit: number;
  /** Candidates whose full vectors are read (`codes` only). */
  readonly rescore: number;
  /** They are read by falling estimate until one is this much below the worst wanted score. */
  readonly rescoreMargin: number;
  /** Whether the hits carry text and metadata, and the vector. */
  readonly withText: boolean;
  readonly withVector: boolean;
}

export interface LookupRequest {
  readonly kind: "lookup";
  readonly scope: Scope;
  readonly shards: readonly (ShardTarget & { readonly ids: readonly string[] })[];
  readonly withDocument: boolean;
}

export interface LeafDocument {
  readonly text: string;
  readonly metadata: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface LeafHit {
  readonly id: string;
  readonly score: number;
  readonly document: LeafDocument | null;
  readonly vector: Float32Array | null;
}

export interface LeafRow {
  readonly id: string;
  readonly shard: string;
  /** From 0. */
  readonly row: number;
  readonly document: LeafDocument | null;
  readonly vector: Float32Array | null;
}

export interface LeafFailure {
  readonly shard: string;
  readonly error: SerializedError;
}

/** Work that was done, counted: the same on every machine, so that a regression shows without a clock. */
export interface LeafWork {
  readonly cellsSearched: number;
  readonly rowsScanned: number;
  readonly rowsRescored: number;
  readonly computeMs: number;
}

/** Blocks of a shard's file that are not here. */
export interface MissingPart {
  readonly shard: string;
  readonly blocks: readonly number[];
}

export interface LeafReply {
  readonly hits: readonly LeafHit[];
  readonly rows: readonly LeafRow[];
  readonly failed: readonly LeafFailure[];
  readonly work: LeafWork;
  /** What the leaf must have before it can answer. While there is any, hits and rows are not the answer. */
  readonly missing?: readonly MissingPart[];
}

export const noWork: LeafWork = { cellsSearched: 0, rowsScanned: 0, rowsRescored: 0, computeMs: 0 };

export const addWork = (a: LeafWork, b: LeafWork): LeafWork => ({
  cellsSearched: a.cellsSearched + b.cellsSearched,
  rowsScanned: a.rowsScanned + b.rowsScanned,
  rowsRescored: a.rowsRescored + b.rowsRescored,
  computeMs: a.computeMs + b.computeMs,
});

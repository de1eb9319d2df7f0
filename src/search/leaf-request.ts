import type { Scope, SerializedError } from "../base/index.ts";
import {
  type Archived,
  type Distance,
  isFrozen,
  type ObjectRef,
  rowFileOf,
  type ShardEntry,
} from "../manifest/index.ts";
import type { CellVisits } from "../selection/index.ts";
import type { TextScoring } from "../shard/index.ts";

/**
 * What the root asks of a leaf: frozen plain data, the same for a thread, a function or `explain`. It names objects by
 * key; whoever runs the leaf sees to it that their bytes are at hand.
 */
export type LeafRequest =
  | VectorRequest
  | LookupRequest
  | TextRequest
  | DeadTermsRequest
  | FeatureRequest
  | ColumnsRequest;

/** What a leaf needs to know of a shard; it travels with every request, so no more than that. */
export type LeafShard = Pick<ShardEntry, "id" | "deletes" | "documents" | "vectors" | "cells"> & {
  /** Of a frozen shard its stub: it can be asked for the rows of ids and for dead terms, and for nothing else. */
  readonly file: ObjectRef;
  /** Of a frozen shard only. */
  readonly archived?: Archived;
};

export function leafShard(entry: ShardEntry): LeafShard {
  const { id, deletes, documents, vectors, cells } = entry;
  const shard = { id, file: rowFileOf(entry), deletes, documents, vectors, cells };
  return isFrozen(entry) ? { ...shard, archived: entry.archived } : shard;
}

/** Whether the shard's file must be restored before it can be read. */
export const isFrozenTarget = ({ entry }: ShardTarget): boolean => entry.archived !== undefined;

export interface ShardTarget {
  readonly entry: LeafShard;
  /** Ids whose rows here are out of date, because the tail replaces or deletes them. */
  readonly excluded: readonly string[];
  /** Ranks that count instead of those in the file; only where the request wants ranks. */
  readonly ranks?: ObjectRef;
  /** Bit r: row r fulfils the query's filter. Undefined: there is no filter. */
  readonly matching?: Uint8Array;
}

/** A row of a shard, from 0. */
export interface Place {
  readonly shard: string;
  readonly row: number;
}

export interface VectorRequest {
  readonly kind: "vector";
  readonly scope: Scope;
  readonly shards: readonly ShardTarget[];
  /** As searched: of unit length for cosine. */
  readonly query: Float32Array;
  readonly distance: Distance;
  /**
   * `codes`: scan binary codes of the visited cells. `exact`: scan int8 vectors of every cell, with a proven bound. `rows`: a
   * filter left so few rows that all of them are scored in full.
   */
  readonly mode: "codes" | "exact" | "rows";
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

/** The number of each of the query's terms in a shard (its `terms` table), 0 for one that it doesn't hold. */
export type TermNumbers = readonly number[];

/** The best rows by BM25. */
export interface TextRequest {
  readonly kind: "text";
  readonly scope: Scope;
  readonly shards: readonly (ShardTarget & { readonly terms: TermNumbers })[];
  readonly scoring: TextScoring;
  readonly limit: number;
}

/** How many dead rows of each shard hold each term: what its list of terms counts too much. */
export interface DeadTermsRequest {
  readonly kind: "dead terms";
  /** Those that are not dead yet, and out of date: of shards whose texts can't be read. */
  readonly outdated?: boolean;
  readonly scope: Scope;
  readonly shards: readonly (ShardTarget & { readonly terms: TermNumbers })[];
}

export interface DeadTerms {
  readonly shard: string;
  readonly documents: number;
  /** Terms of their texts, with repetitions. */
  readonly terms: number;
  readonly holding: readonly number[];
}

/** Rows that were found, with everything that scorers look at. */
export interface FeatureRequest {
  readonly kind: "features";
  readonly scope: Scope;
  readonly shards: readonly (ShardTarget & { readonly terms: TermNumbers; readonly rows: readonly number[] })[];
  /** As searched; null: no similarity is wanted. */
  readonly query: Float32Array | null;
  readonly distance: Distance;
  readonly scoring: TextScoring | null;
  readonly withText: boolean;
  readonly withVector: boolean;
}

/** Columns of codes, for filters. */
export interface ColumnsRequest {
  readonly kind: "columns";
  readonly scope: Scope;
  readonly shards: readonly (ShardTarget & {
    readonly columns: readonly { readonly name: string; readonly number: number }[];
    /** Where the file is here in parts, the codes of these cells are fetched too: they will be scanned next. */
    readonly cells: readonly number[];
  })[];
}

/** See src/shard/columns. */
export interface LeafColumn {
  readonly shard: string;
  readonly name: string;
  readonly dictionary: Uint8Array;
  readonly codes: Uint8Array;
}

export interface RowFeatures extends Place {
  readonly id: string;
  /** Null without a query or without a vector. */
  readonly similarity: number | null;
  readonly bm25: number;
  readonly createdAt: string;
  readonly pagerank: number;
  readonly document: LeafDocument | null;
  readonly vector: Float32Array | null;
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
  /** Undefined in the tail. */
  readonly place?: Place;
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
  readonly dead?: readonly DeadTerms[];
  readonly features?: readonly RowFeatures[];
  readonly columns?: readonly LeafColumn[];
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

import type { SerializedError } from "../../base/index.ts";
import type { SqlValue } from "../language/values.ts";

/** What a process of the pool is asked and answers: plain data. */
export type Job = PrepareJob | WholeJob | LeafJob | FinalJob | FilterJob | ValuesJob;

export type JobOf<Kind extends Job["kind"]> = Extract<Job, { readonly kind: Kind }>;

export interface FileRef {
  readonly key: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Where the documents of one part of the work lie. */
export type Unit = ShardUnit | RowsUnit;

/** A shard file. Rows are left out that its bitmap calls dead, and those whose ids are named. */
export interface ShardUnit {
  readonly kind: "shard";
  readonly shard: string;
  readonly file: FileRef;
  readonly deletes: FileRef | null;
  /** Ranks that count instead of those in the file; null where there are none, or none are read. */
  readonly ranks: FileRef | null;
  readonly excluded: readonly string[];
}

/** Documents that come with the job, column by column as `documents` has them, without word_count. */
export interface RowsUnit {
  readonly kind: "rows";
  readonly rows: readonly (readonly SqlValue[])[];
}

/** Values of `:pN`, by name. */
export type BoundValues = Readonly<Record<string, SqlValue>>;

/** A table that is made for one statement. */
export interface GivenTable {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly SqlValue[])[];
}

/** Says whether SQLite accepts a statement, and what its columns are called. */
export interface PrepareJob {
  readonly kind: "prepare";
  readonly sql: string;
  readonly tables: readonly GivenTable[];
}

/** All of a statement in one process: its leaves' half over each unit, then the root's over what came of it. */
export interface WholeJob {
  readonly kind: "whole";
  /** Null when no unit has to be read. */
  readonly leaf: LeafWork | null;
  readonly final: FinalWork;
}

/** The leaves' half over some units, while other processes have others. What comes out is in the file. */
export interface LeafJob {
  readonly kind: "leaf";
  readonly work: LeafWork;
}

/** The root's half over the files that leaves wrote. */
export interface FinalJob {
  readonly kind: "final";
  readonly work: FinalWork;
  readonly paths: readonly string[];
}

export interface LeafWork {
  readonly units: readonly Unit[];
  readonly sql: string;
  readonly values: BoundValues;
  readonly part: PartTable;
  /** Where rows are put first. What may be large goes to the file at once. */
  readonly through: "memory" | "file";
  /** A file that does not exist yet, nor does its folder; made when it is needed. */
  readonly path: string;
  readonly maxBytes: number;
  readonly maxRows: number;
}

export interface PartTable {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

export interface FinalWork {
  readonly part: PartTable | null;
  /** Rows of the part that are known without reading any unit. */
  readonly known: readonly (readonly SqlValue[])[];
  readonly tables: readonly GivenTable[];
  readonly sql: string;
  readonly values: BoundValues;
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** Finds the rows of each unit that fulfil a condition, dead ones included. */
export interface FilterJob {
  readonly kind: "filter";
  readonly units: readonly Unit[];
  readonly condition: string;
  readonly values: BoundValues;
}

export interface FilterReply {
  /** Bit r: row r does; no bytes when none does. `shard` is null for documents that came with the job. */
  readonly found: readonly { readonly shard: string | null; readonly bits: Uint8Array }[];
  readonly failed: readonly { readonly shard: string; readonly error: SerializedError }[];
}

/** The value of an expression for each of some documents. */
export interface ValuesJob {
  readonly kind: "values";
  readonly rows: RowsUnit;
  readonly expression: string;
  readonly values: BoundValues;
}

export interface ValuesReply {
  /** Null for what is no number. */
  readonly values: readonly (number | null)[];
}

export interface PrepareReply {
  readonly columns: readonly string[];
}

export interface LeafOutcome {
  readonly rows: number;
  readonly bytes: number;
  /** What running the statement over the units took. */
  readonly tookMs: number;
  /** Whether the file was made. */
  readonly inFile: boolean;
  /** Shards that could not be read; nothing of them is in the part. */
  readonly failed: readonly { readonly shard: string; readonly error: SerializedError }[];
}

export interface FinalReply {
  readonly rows: readonly (readonly SqlValue[])[];
}

export interface WholeReply extends FinalReply {
  readonly leaf: LeafOutcome | null;
}

export interface Replies {
  readonly prepare: PrepareReply;
  readonly whole: WholeReply;
  readonly leaf: LeafOutcome;
  readonly final: FinalReply;
  readonly filter: FilterReply;
  readonly values: ValuesReply;
}

export type Reply = { readonly result: Replies[keyof Replies] } | { readonly error: SerializedError };

/**
 * shard: what lies in one immutable file, and how is it written and scanned?
 * Answers: rows by id and by number, a cell's codes and vectors, the best candidates of a scan; builds new files.
 * Owns: the shard file's format, its summary, dead-row bitmaps, vector codes and the scan kernel.
 * Never: knows which shards are live, talks to object storage, or decides what a query reads.
 */

export { type BuildInput, type BuiltShard, buildShards } from "./build/build.ts";
export { Compact, type CompactInput } from "./build/compact.ts";
export type { SourceShard } from "./build/live-rows.ts";
export { deadTermsOfFile, summaryOfFile, termsOfFile } from "./build/rebuild.ts";
export type { RegionLimits } from "./build/regions.ts";
export { leavesOf, type Partition, partitionOf } from "./build/split.ts";
export { writeStub } from "./build/stub.ts";
export { type KnownDeaths, knownDeaths, termsOfDead } from "./build/terms-of-dead.ts";
export type { ShardRow } from "./build/writer.ts";
export type { Pin } from "./cache/kept-file.ts";
export {
  type ImmutableRef,
  LocalObjects,
  type LocalObjectsOptions,
  type ObjectFiles,
  type PathOf,
  readChecked,
  withFiles,
  withPins,
} from "./cache/local-objects.ts";
export { PartialObjects, type PartialObjectsOptions, partsUnkept } from "./cache/partial-objects.ts";
export { Summaries } from "./cache/summaries.ts";
export { bisect, codeBits, encodeCell, normalised } from "./codes/index.ts";
export { keyPrefix } from "./columns/build.ts";
export { ColumnSet } from "./columns/column-set.ts";
export type { ColumnValue, Constant } from "./columns/dictionary.ts";
export { type ColumnFilter, type ColumnTest, columnsRead } from "./columns/filter.ts";
export { DeadRows } from "./file/bitmap.ts";
export { MissingBlocks, type PartialFile, PartialShard } from "./file/partial-shard.ts";
export { checkedRanks, type RanksFile, readRanks, writeRanks } from "./file/ranks.ts";
export { floatsOf, ShardFile, type ShardReader, type StoredColumn, type StoredRow } from "./file/reader.ts";
export { cellRows, shardFormat } from "./file/schema.ts";
export { type Expected, VerifiedFiles } from "./file/verified.ts";
export { Kernel, type ResidentCell } from "./kernel/kernel.ts";
export { VectorMatrix } from "./kernel/matrix.ts";
export { type FileShape, fileHeaderBytes, fileShapeOf } from "./pages/file-header.ts";
export { IndexTree } from "./pages/index-tree.ts";
export { blockBytes, type EncodedLayout } from "./pages/layout.ts";
export type { PagesOf } from "./pages/page-reader.ts";
export { FilePageSource, type PageRun, type PageSource, runsOf } from "./pages/page-source.ts";
export type { Value } from "./pages/record.ts";
export { readSchema, type Schema } from "./pages/schema.ts";
export { type TableRow, TableTree } from "./pages/table-tree.ts";
export { Bloom, hashOf, type KeyHash } from "./summary/bloom.ts";
export { decodeSummary, encodeSummary, type Summary } from "./summary/summary.ts";
export {
  type KeyValues,
  type NumberRange,
  type ShardValues,
  type TextRange,
  ValueCollector,
  valueKey,
  wordsOf,
} from "./summary/values.ts";
export { DeadTerms } from "./terms/dead-terms.ts";
export { allRows, intersect, type RowSet, subtract } from "./terms/row-set.ts";
export { placeOf, TermList } from "./terms/term-list.ts";
export { type TermEntry, TermTable } from "./terms/term-table.ts";
export { bm25Part, type TextClause, type TextLists, TextScan, type TextScoring } from "./terms/text-scan.ts";
export { TopRows } from "./terms/top-rows.ts";

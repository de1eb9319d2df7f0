import { floatsOf, type StoredRow, TextScan } from "../shard/index.ts";
import type { FeatureRequest, LeafRow, LookupRequest, RowFeatures } from "./leaf-request.ts";
import type { LeafRun } from "./leaf-run.ts";
import { listsOf, phraseTerms } from "./leaf-text.ts";
import { exactScore } from "./similarity.ts";

/** The live rows of some ids. */
export function rowsOfIds(run: LeafRun, request: LookupRequest): readonly LeafRow[] {
  return request.shards.flatMap(({ ids, entry }, shard) =>
    ids.flatMap((id) => {
      const found = run.attempt(shard, (open) => {
        const row = open.file.rowOf(id);
        if (row === undefined || run.dead[shard]?.isDead(row)) return [];
        const full = request.withDocument ? open.file.row(row) : undefined;
        const vector = full?.embedding == null ? null : floatsCopy(full.embedding);
        return [{ id, shard: entry.id, row, document: full ?? null, vector }];
      });
      return found ?? [];
    }),
  );
}

/** What scorers look at, of rows that were found. */
export function featuresOfRows(run: LeafRun, request: FeatureRequest): readonly RowFeatures[] {
  const { shards, scoring } = request;
  const phrases = phraseTerms(scoring?.clauses ?? []);
  const lists = shards.map(({ terms }, shard) => (scoring === null ? undefined : listsOf(run, shard, terms, phrases)));
  const stored = shards.map(({ rows }, shard) => rows.map((row) => run.attempt(shard, (open) => open.file.row(row))));
  const ranks = shards.map((_target, shard) => run.ranksOf(shard));
  if (run.isIncomplete) return [];
  return shards.flatMap(({ rows }, shard) => {
    const own = lists[shard];
    const bm25 =
      own === undefined || scoring === null
        ? undefined
        : run.attempt(shard, () => new TextScan(own, scoring).scores(rows));
    if (run.hasFailed(shard)) return [];
    return rows.map((row, at) =>
      featuresOf(
        request,
        ranked(stored[shard]?.[at] as StoredRow, ranks[shard]?.[row]),
        run.placeOfRow(shard, row),
        bm25?.[at] ?? 0,
      ),
    );
  });
}

const ranked = (row: StoredRow, pagerank: number | undefined): StoredRow =>
  pagerank === undefined ? row : { ...row, pagerank };

function featuresOf(
  { query, distance, withText, withVector }: FeatureRequest,
  { id, text, metadata, createdAt, updatedAt, pagerank, embedding }: StoredRow,
  place: { readonly shard: string; readonly row: number },
  bm25: number,
): RowFeatures {
  const vector = embedding === null ? null : floatsOf(embedding);
  return {
    ...place,
    id,
    similarity: query === null || vector === null ? null : exactScore(distance, query, vector),
    bm25,
    createdAt,
    pagerank,
    document: withText ? { text, metadata, createdAt, updatedAt } : null,
    vector: withVector && vector !== null ? vector.slice() : null,
  };
}

const floatsCopy = (blob: Uint8Array): Float32Array => {
  const copy = new Float32Array(blob.byteLength / 4);
  new Uint8Array(copy.buffer).set(blob);
  return copy;
};

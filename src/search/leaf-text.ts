import { placeOf, type TextClause, type TextLists, TextScan, TopRows } from "../shard/index.ts";
import type { DeadTerms, DeadTermsRequest, LeafHit, TermNumbers, TextRequest } from "./leaf-request.ts";
import type { LeafRun } from "./leaf-run.ts";
import type { OpenShard } from "./open-shards.ts";
import { byScore } from "./similarity.ts";

/** The best rows by BM25. */
export function bestRows(run: LeafRun, { shards, scoring, limit }: TextRequest): readonly LeafHit[] {
  const top = new TopRows(limit);
  const phrases = phraseTerms(scoring.clauses);
  // All that is wanted of all shards is asked for before any of it is used, so that what is missing is one round.
  const ready = shards.map(({ terms }, shard) => listsOf(run, shard, terms, phrases));
  if (run.isIncomplete) return [];
  ready.forEach((lists, shard) => {
    if (lists === undefined) return;
    run.attempt(shard, () => {
      run.work.rowsScanned += new TextScan(lists, scoring).best(top, shard, run.liveRows(shard));
    });
  });
  const found = top.take().filter(({ shard }) => !run.hasFailed(shard));
  const ids = new Map<number, readonly string[]>();
  const rowsOf = (shard: number): number[] => found.filter((one) => one.shard === shard).map(({ row }) => row);
  for (const shard of new Set(found.map((one) => one.shard)))
    run.attempt(shard, (open) => ids.set(shard, open.file.idsOf(rowsOf(shard))));
  const next = new Map<number, number>();
  const hits = found.flatMap(({ score, shard, row }): LeafHit[] => {
    const at = next.get(shard) ?? 0;
    next.set(shard, at + 1);
    const id = ids.get(shard)?.[at];
    return id === undefined ? [] : [{ id, score, document: null, vector: null, place: run.placeOfRow(shard, row) }];
  });
  return hits.sort(byScore).slice(0, limit);
}

/** What dead rows hold of some terms: for bitmaps that don't say it. */
export function deadTermsOf(run: LeafRun, { shards, outdated }: DeadTermsRequest): readonly DeadTerms[] {
  return shards.flatMap(({ terms, entry }, shard): DeadTerms[] => {
    const lists = listsOf(run, shard, terms, new Set());
    const lengths = lists?.lengths ?? run.attempt(shard, (open) => open.lengths());
    const excluded = outdated === true ? run.excludedRows(shard) : undefined;
    if (lengths === undefined || run.isIncomplete || run.hasFailed(shard)) return [];
    const isDead = (row: number): boolean => run.dead[shard]?.isDead(row) ?? false;
    const counts = (row: number): boolean => (excluded === undefined ? isDead(row) : excluded.has(row) && !isDead(row));
    const rows = Array.from({ length: entry.documents }, (_, row) => row).filter(counts);
    const holding = terms.map((_number, at) => {
      const list = lists?.lists[at]?.rows;
      let place = 0;
      return list === undefined
        ? 0
        : rows.filter((row) => {
            place = placeOf(list, row, place);
            return list[place] === row;
          }).length;
    });
    const count = rows.reduce((sum, row) => sum + (lengths[row] as number), 0);
    return [{ shard: entry.id, documents: rows.length, terms: count, holding }];
  });
}

/** Terms whose places are needed. */
export const phraseTerms = (clauses: readonly TextClause[]): ReadonlySet<number> =>
  new Set(clauses.flatMap(({ kind, terms }) => (kind === "all" && terms.length > 1 ? terms : [])));

/** Undefined when nothing of the query is in the shard, or what is can't be had. */
export function listsOf(
  run: LeafRun,
  shard: number,
  terms: TermNumbers,
  phrases: ReadonlySet<number>,
): TextLists | undefined {
  if (terms.every((number) => number === 0)) return undefined;
  const read = <T>(what: (open: OpenShard) => T): T | undefined => run.attempt(shard, what);
  const lengths = read((open) => open.lengths());
  const lists = terms.map((number) => (number === 0 ? undefined : read((open) => open.list(number))));
  const positions = terms.map((number, at) =>
    number === 0 || !phrases.has(at) ? undefined : read((open) => open.file.positions(number)),
  );
  run.excludedRows(shard);
  return lengths === undefined || run.hasFailed(shard) ? undefined : { lengths, lists, positions };
}

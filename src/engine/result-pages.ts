import type { FailedShard, Moment, PreparedText } from "../search/index.ts";
import { bestPassage } from "../text/index.ts";
import type { SearchRequest } from "./api.ts";
import type { RankedHit } from "./search-answer.ts";
import type { SearchParts } from "./search-parts.ts";
import type { Query } from "./search-query.ts";

const passage = { maxChars: 240, before: "<mark>", after: "</mark>" };

/** The hits with what was asked to be included; without those of a shard that can't be read any more. */
export async function documentsOf(
  { root }: Pick<SearchParts, "root">,
  moment: Moment,
  page: readonly RankedHit[],
  { request: { include }, timeoutMs }: Query,
): Promise<{ readonly hits: readonly RankedHit[]; readonly failed: readonly FailedShard[] }> {
  const [withText, withVector] = [wantsText(include), include.includes("embedding")];
  const { distance } = moment.snapshot.manifest.settings;
  const places = page.flatMap(({ place }) => (place === undefined ? [] : [place]));
  const wanted = { query: null, distance, text: undefined, withText, withVector };
  const reads = withText || withVector;
  const found = reads ? await root.features(moment, places, wanted, timeoutMs) : { rows: [], failed: [] };
  const byId = new Map(found.rows.map((row) => [row.id, row]));
  const inTail = new Map(moment.tail.map((document) => [document.id as string, document]));
  const scored = include.includes("scores");
  const hits = page.flatMap(({ scores, contributions, ...hit }): RankedHit[] => {
    const own = hit.place === undefined ? inTail.get(hit.id) : byId.get(hit.id)?.document;
    if (reads && own == null) return [];
    const vector = hit.place === undefined ? inTail.get(hit.id)?.vector : byId.get(hit.id)?.vector;
    return [
      {
        id: hit.id,
        score: hit.score,
        ...(hit.place === undefined ? {} : { place: hit.place }),
        document: withText ? (own ?? null) : null,
        vector: withVector ? (vector ?? null) : null,
        ...(scored && scores !== undefined ? { scores } : {}),
        ...(scored && contributions !== undefined ? { contributions } : {}),
      },
    ];
  });
  return { hits, failed: found.failed.map(asFailed) };
}

/** The hits with their best passage, where that was asked for. */
export function highlighted(
  hits: readonly RankedHit[],
  { request, text, analyzer }: Query,
  prepared: PreparedText | undefined,
): readonly RankedHit[] {
  if (!request.include.includes("highlights")) return hits;
  const wanted = (text?.clauses ?? []).filter(({ occur }) => occur !== "never").flatMap(({ terms }) => terms);
  const weights = new Map(
    prepared === undefined
      ? wanted.map((term) => [term, 1] as const)
      : prepared.names.map((name, at) => [name, prepared.scoring.idf[at] ?? 0] as const),
  );
  return hits.map((hit) => {
    const found = hit.document === null ? undefined : bestPassage(hit.document.text, weights, analyzer, passage);
    return { ...hit, highlights: found === undefined ? [] : [found] };
  });
}

export const wantsText = (include: SearchRequest["include"]): boolean =>
  include.some((field) => field === "text" || field === "metadata" || field === "highlights");

export const asFailed = ({
  shard,
  error: { code, detail },
}: {
  shard: string;
  error: { code: string; detail: string };
}): FailedShard => ({
  shard,
  code,
  detail,
});

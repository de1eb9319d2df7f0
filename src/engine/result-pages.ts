import type { FailedShard, Moment, PreparedText } from "../search/index.ts";
import { bestPassage, type TermWeight, type TextQuery } from "../text/index.ts";
import type { SearchRequest } from "./api.ts";
import type { RankedHit } from "./search-answer.ts";
import type { SearchParts } from "./search-parts.ts";
import type { Query } from "./search-query.ts";

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
/** HTML: the marks are its only tags, whatever the text holds. */
const passage = {
  maxChars: 240,
  before: "<mark>",
  after: "</mark>",
  escaped: (text: string) => text.replaceAll(/[&<>]/g, (sign) => entities[sign] as string),
};

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
  const wanted = { query: null, distance, text: undefined, withText, withVector, withRank: false };
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
  const weightOf = prepared === undefined ? plainWeight(text) : idfWeight(prepared);
  return hits.map((hit) => {
    const found = hit.document === null ? undefined : bestPassage(hit.document.text, weightOf, analyzer, passage);
    return { ...hit, highlights: found === undefined ? [] : [found] };
  });
}

/** A rare term shows more of why a document was found. */
function idfWeight({ names, scoring }: PreparedText): TermWeight {
  const never = new Set(scoring.clauses.flatMap(({ occur, terms }) => (occur === "never" ? terms : [])));
  const weights = new Map(names.flatMap((name, at) => (never.has(at) ? [] : [[name, scoring.idf[at] ?? 0] as const])));
  return (term) => weights.get(term) ?? 0;
}

/** Without statistics all terms weigh the same. */
function plainWeight(text: TextQuery | undefined): TermWeight {
  const wanted = (text?.clauses ?? []).filter(({ occur }) => occur !== "never");
  const terms = new Set(wanted.flatMap(({ terms: own }) => own));
  const beginnings = wanted.flatMap(({ kind, terms: [beginning = ""] }) => (kind === "prefix" ? [beginning] : []));
  return (term) => (terms.has(term) || beginnings.some((beginning) => term.startsWith(beginning)) ? 1 : 0);
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

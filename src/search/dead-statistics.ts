import { LRUCache } from "lru-cache";
import type { ShardEntry } from "../manifest/index.ts";
import { type DeadTerms, isFrozenTarget, leafShard, type TermNumbers } from "./leaf-request.ts";
import type { LeafTransport } from "./leaves.ts";
import type { Moment } from "./moment.ts";
import type { Taken, TakenTogether } from "./outdated-texts.ts";
import type { TermTables } from "./term-tables.ts";

const rememberedDeaths = 20_000;

/**
 * What dead rows take from the statistics. It is said beside their bitmaps; only shards with a bitmap that was written before it was
 * said are asked, by the terms of each query.
 */
export class DeadStatistics {
  readonly #leaves: LeafTransport;
  readonly #tables: TermTables;
  #remembered: LRUCache<string, DeadTerms> | undefined;

  constructor(leaves: LeafTransport, tables: TermTables) {
    this.#leaves = leaves;
    this.#tables = tables;
  }

  /** Made when it is wanted: it takes its room at once, and few processes meet such a bitmap. */
  get #asked(): LRUCache<string, DeadTerms> {
    this.#remembered ??= new LRUCache({ max: rememberedDeaths });
    return this.#remembered;
  }

  async of(
    { snapshot: { manifest, scope } }: Moment,
    names: readonly string[],
    numbers: ReadonlyMap<string, TermNumbers>,
    timeoutMs: number,
  ): Promise<TakenTogether> {
    const taken: Taken[] = [];
    const unsaid: ShardEntry[] = [];
    await Promise.all(
      manifest.shards.map(async (entry) => {
        if (entry.deletes === null) return;
        const { count, terms } = await this.#tables.ofDead(entry.deletes);
        if (terms === undefined) unsaid.push(entry);
        else taken.push({ documents: count, terms: terms.total, documentsWith: (term) => terms.documentsWith(term) });
      }),
    );
    const asked = await this.#ask(scope, unsaid, names, numbers, timeoutMs);
    return { taken: [...taken, ...asked.taken], failed: asked.failed };
  }

  /** What rows of frozen shards take that the tail replaces or deletes: their texts can't be read, so stubs are asked. */
  async ofOutdated(
    { snapshot: { targets, scope } }: Moment,
    names: readonly string[],
    numbers: ReadonlyMap<string, TermNumbers>,
    timeoutMs: number,
  ): Promise<TakenTogether> {
    const shards = targets
      .filter((target) => isFrozenTarget(target) && target.excluded.length > 0)
      .map((target) => ({ ...target, terms: numbers.get(target.entry.id) ?? [] }));
    if (shards.length === 0) return { taken: [], failed: [] };
    const reply = await this.#leaves.ask({ kind: "dead terms", outdated: true, scope, shards }, timeoutMs);
    return { taken: (reply.dead ?? []).map((found) => takenOf(found, names)), failed: reply.failed };
  }

  async #ask(
    scope: Moment["snapshot"]["scope"],
    entries: readonly ShardEntry[],
    names: readonly string[],
    numbers: ReadonlyMap<string, TermNumbers>,
    timeoutMs: number,
  ): Promise<TakenTogether> {
    const keyOf = ({ file, deletes }: ShardEntry): string => JSON.stringify([file.key, deletes?.key, names]);
    const unknown = entries.filter((entry) => !this.#asked.has(keyOf(entry)));
    let failed: TakenTogether["failed"] = [];
    if (unknown.length > 0) {
      const shards = unknown.map((entry) => ({
        entry: leafShard(entry),
        excluded: [],
        terms: numbers.get(entry.id) ?? [],
      }));
      const reply = await this.#leaves.ask({ kind: "dead terms", scope, shards }, timeoutMs);
      failed = reply.failed;
      const byShard = new Map((reply.dead ?? []).map((one) => [one.shard, one]));
      for (const entry of unknown) {
        const found = byShard.get(entry.id);
        if (found !== undefined) this.#asked.set(keyOf(entry), found);
      }
    }
    const taken = entries.flatMap((entry): Taken[] => {
      const found = this.#asked.get(keyOf(entry));
      return found === undefined ? [] : [takenOf(found, names)];
    });
    return { taken, failed };
  }
}

const takenOf = ({ documents, terms, holding }: DeadTerms, names: readonly string[]): Taken => ({
  documents,
  terms,
  documentsWith: (term) => holding[names.indexOf(term)] ?? 0,
});

import { LRUCache } from "lru-cache";
import {
  collectionPrefix,
  isMosaicError,
  MosaicError,
  maxDimensions,
  type Scope,
  scopeOf,
  type TenantName,
} from "../base/index.ts";
import type { Embedder } from "../embedding/index.ts";
import {
  type CollectionSettings,
  listCollectionNames,
  ManifestStore,
  manifestKey,
  sequenceOfSegment,
} from "../manifest/index.ts";
import { defaultLanguage, isLanguage, languageNames } from "../text/index.ts";
import type { CollectionSpec, RankerSpec } from "./api.ts";
import { checkClass } from "./check-archive.ts";
import { invalid } from "./check-document.ts";
import { checkRanker } from "./check-ranker.ts";
import { oneOf } from "./check-search.ts";
import { Collection, type EngineParts } from "./collection.ts";

/** Collections kept open at once; an idle one is a manifest, summaries and an empty tail in memory. */
const maxOpen = 1000;

export interface Opened {
  readonly collection: Collection;
  /** True when this call has opened it: then it knows every write that was acknowledged before the call. */
  readonly current: boolean;
}

/** The open collections of an engine, by tenant and name. */
export class Collections {
  readonly #parts: EngineParts;
  readonly #embedder: Embedder;
  readonly #open: LRUCache<string, Promise<Collection>>;
  readonly #opened = new WeakMap<Collection, Promise<Collection>>();
  /** First writes that came together make their collection once. */
  readonly #making = new Map<string, Promise<void>>();

  readonly #onFolded: (collection: Collection) => void;

  constructor(parts: EngineParts, embedder: Embedder, onFolded: (collection: Collection) => void) {
    this.#onFolded = onFolded;
    this.#parts = parts;
    this.#embedder = embedder;
    this.#open = new LRUCache({
      max: maxOpen,
      // What it has not folded stays in the log, durable; the next one to open it goes on.
      dispose: (collection) => void collection.then((open) => open.close()).catch(() => undefined),
    });
  }

  async get(scope: Scope): Promise<Collection> {
    return (await this.open(scope)).collection;
  }

  /** Throws `not_found` when there is none. */
  async open(scope: Scope): Promise<Opened> {
    const key = prefixOf(scope);
    const known = this.#open.get(key);
    if (known !== undefined) return { collection: await known, current: false };
    const opening = Collection.open(scope, this.#parts, this.#onFolded);
    this.#open.set(key, opening);
    try {
      const opened = await opening;
      this.#opened.set(opened, opening);
      return { collection: opened, current: true };
    } catch (error) {
      this.#forget(scope, opening);
      throw error;
    }
  }

  /** The collection, made with the server's defaults when there is none. */
  async getOrCreate(scope: Scope): Promise<Opened> {
    try {
      return await this.open(scope);
    } catch (error) {
      if (!isMosaicError(error, "not_found")) throw error;
      const key = prefixOf(scope);
      const making = this.#making.get(key) ?? this.#makeIfNone(scope).finally(() => this.#making.delete(key));
      this.#making.set(key, making);
      await making;
      return await this.#openMade(scope);
    }
  }

  /**
   * Opens a collection that was there a moment ago. Who was opening it already when it was made may have seen none, and
   * shares that with whoever asks meanwhile; by then that opening is forgotten, and the next begins after the making.
   */
  async #openMade(scope: Scope): Promise<Opened> {
    try {
      return await this.open(scope);
    } catch (error) {
      if (!isMosaicError(error, "not_found")) throw error;
      return await this.open(scope);
    }
  }

  async create(scope: Scope, spec: CollectionSpec): Promise<Collection> {
    await this.#make(scope, spec);
    return await this.get(scope);
  }

  async #makeIfNone(scope: Scope): Promise<void> {
    await this.#make(scope, {}).catch((raced: unknown) => {
      if (!isMosaicError(raced, "conflict")) throw raced;
    });
  }

  async #make(scope: Scope, spec: CollectionSpec): Promise<void> {
    const settings = this.#settingsOf(spec);
    const { store, clock, random } = this.#parts;
    const known = this.#open.peek(prefixOf(scope));
    await new ManifestStore({ store, clock, random }, scope).create(settings);
    // What was open under this name until now is a collection that somebody else has deleted.
    if (known !== undefined) this.#forget(scope, known);
  }

  async names(tenant: TenantName): Promise<readonly Scope[]> {
    return (await listCollectionNames(this.#parts.store, tenant)).map((collection) => ({ tenant, collection }));
  }

  /**
   * Manifest first: from then on the collection is gone, and the rest is clearing up. Only what was there before is
   * cleared, and of the log only what the last manifest counts as past: a collection that is made anew meanwhile takes no
   * sequence that is still to be deleted, by whomever and however late, and its own objects were not listed.
   */
  async delete(collection: Collection): Promise<void> {
    const { store } = this.#parts;
    const { scope } = collection;
    await collection.close();
    const prefix = collectionPrefix(scope);
    const keys: string[] = [];
    for await (const { key } of store.list(prefix)) if (key !== prefix + manifestKey) keys.push(key);
    const wal = `${prefix}wal/`;
    const sequenceOf = (key: string): number => (key.startsWith(wal) ? sequenceOfSegment(key) : 0);
    const through = keys.reduce((last, key) => Math.max(last, sequenceOf(key)), 0);
    const { foldedThrough } = await collection.manifests.remove(collection.log.stored, through);
    this.forget(collection);
    for (const key of keys) if (sequenceOf(key) <= foldedThrough) await store.delete(key);
  }

  /** The next `get` opens it anew; another that was opened under its name meanwhile stays. */
  forget(collection: Collection): void {
    this.#forget(collection.scope, this.#opened.get(collection));
  }

  #forget(scope: Scope, opened: Promise<Collection> | undefined): void {
    const key = collectionPrefix(scope);
    if (opened !== undefined && this.#open.peek(key) === opened) this.#open.delete(key);
  }

  async settled(): Promise<void> {
    const open = [...this.#open.values()];
    await Promise.all(open.map((opening) => opening.then((collection) => collection.settled()).catch(() => undefined)));
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()];
    await Promise.all(open.map((opening) => opening.then((collection) => collection.close()).catch(() => undefined)));
  }

  #settingsOf(spec: CollectionSpec): CollectionSettings {
    const { shardMaxDocs } = this.#parts.settings;
    const embeddingModel = this.#modelOf(spec.embedding_model);
    const ofModel = embeddingModel === "none" ? undefined : this.#embedder.dimensions;
    const dimensions = spec.dimensions ?? ofModel ?? null;
    if (dimensions !== null && !(Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= maxDimensions)) {
      throw invalid("invalid_dimensions", `dimensions is a whole number from 1 to ${maxDimensions}.`);
    }
    if (ofModel !== undefined && dimensions !== ofModel) {
      throw invalid(
        "wrong_dimensions",
        `The model ${embeddingModel} makes vectors of ${ofModel} dimensions, not ${String(dimensions)}.`,
      );
    }
    return {
      dimensions,
      distance: oneOf("distance", spec.distance ?? "cosine", ["cosine", "l2", "dot"]),
      embeddingModel,
      precision: supported("precision", spec.precision, "float32"),
      language: languageOf(spec.language),
      clusterBy: clusterByOf(spec.cluster_by ?? "embedding"),
      shardMaxDocs: wholeFrom1("shard_max_docs", spec.shard_max_docs ?? shardMaxDocs),
      ...(spec.ranker === undefined ? {} : { ranker: storable(spec.ranker) }),
      ...(spec.archive_after_days === undefined ? {} : { archiveAfterDays: daysOf(spec.archive_after_days) }),
      ...(spec.archive_class === undefined ? {} : { archiveClass: checkClass("archive_class", spec.archive_class) }),
    };
  }

  /** A collection may name the server's model, or none: a server can't embed with a model it was not started with. */
  #modelOf(asked: string | undefined): string {
    const own = this.#embedder.model ?? "none";
    const { embeddingModel: configured } = this.#parts.settings;
    if (asked === undefined || asked === own || asked === configured) return own;
    if (asked === "none") return asked;
    throw invalid(
      "embedding_model_not_allowed",
      `This server embeds with ${configured}; a collection may name that or "none". Start the server with EMBEDDING_MODEL to use another.`,
    );
  }
}

/** Checked here as well: a caller without types may hand over any text, and it becomes part of every key. */
const prefixOf = ({ tenant, collection }: Scope): string => collectionPrefix(scopeOf(tenant, collection));

function daysOf(value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid("invalid_archive_after_days", "archive_after_days is a whole number; 0 archives nothing.");
}

function wholeFrom1(field: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw invalid(`invalid_${field}`, `${field} is a whole number of at least 1.`);
}

function languageOf(language = defaultLanguage): string {
  if (isLanguage(language)) return language;
  throw invalid(
    "invalid_language",
    `language can be: ${languageNames.join(", ")}; or one of them by its code, such as en.`,
  );
}

function clusterByOf(clusterBy: string): string {
  if (/^(embedding|created_at|metadata\..{1,200})$/u.test(clusterBy)) return clusterBy;
  throw invalid("invalid_cluster_by", "cluster_by can be: embedding, created_at, metadata.<key>.");
}

/** A ranker as it can be kept: without functions. */
function storable(ranker: RankerSpec): RankerSpec {
  const functions = checkRanker(ranker).scorers.some(({ name }) => name === "custom");
  if (functions && ranker !== "full")
    throw invalid("invalid_ranker", "A collection's ranker can't hold a function; use an expression.");
  return ranker;
}

function supported<T extends string>(field: string, asked: string | undefined, only: T): T {
  if (asked === undefined || asked === only) return only;
  throw invalid("not_supported", `${field} can only be ${JSON.stringify(only)} in this version.`);
}

export function modelMismatch(collection: string, own: string): MosaicError {
  return new MosaicError("conflict", "embed text", {
    code: "embedding_model_mismatch",
    detail: `The collection's vectors come from ${collection}, but this server embeds with ${own}. Start it with the collection's model, or send vectors.`,
  });
}

import { LRUCache } from "lru-cache";
import { collectionPrefix, isMosaicError, MosaicError, type Scope, type TenantName } from "../base/index.ts";
import type { Embedder } from "../embedding/index.ts";
import { type CollectionSettings, listCollectionNames, ManifestStore } from "../manifest/index.ts";
import type { CollectionSpec } from "./api.ts";
import { invalid, maxDimensions } from "./check-document.ts";
import { Collection, type EngineParts } from "./collection.ts";

/** Collections kept open at once; an idle one is a manifest, summaries and an empty tail in memory. */
const maxOpen = 1000;

/** The open collections of an engine, by tenant and name. */
export class Collections {
  readonly #parts: EngineParts;
  readonly #embedder: Embedder;
  readonly #open: LRUCache<string, Promise<Collection>>;

  constructor(parts: EngineParts, embedder: Embedder) {
    this.#parts = parts;
    this.#embedder = embedder;
    this.#open = new LRUCache({
      max: maxOpen,
      // What it has not folded stays in the log, durable; the next one to open it goes on.
      dispose: (collection) => void collection.then((open) => open.close()).catch(() => undefined),
    });
  }

  /** Throws `not_found` when there is none. */
  async get(scope: Scope): Promise<Collection> {
    const key = collectionPrefix(scope);
    const known = this.#open.get(key);
    if (known !== undefined) return await known;
    const opening = Collection.open(scope, this.#parts);
    this.#open.set(key, opening);
    return await opening.catch((error: unknown) => {
      if (this.#open.peek(key) === opening) this.#open.delete(key);
      throw error;
    });
  }

  /** The collection, made with the server's defaults when there is none. */
  async getOrCreate(scope: Scope): Promise<Collection> {
    try {
      return await this.get(scope);
    } catch (error) {
      if (!isMosaicError(error, "not_found")) throw error;
      await this.create(scope, {}).catch((raced: unknown) => {
        if (!isMosaicError(raced, "conflict")) throw raced;
      });
      return await this.get(scope);
    }
  }

  async create(scope: Scope, spec: CollectionSpec): Promise<Collection> {
    const settings = this.#settingsOf(spec);
    const { store, clock, random } = this.#parts;
    await new ManifestStore({ store, clock, random }, scope).create(settings);
    this.forget(scope);
    return await this.get(scope);
  }

  async names(tenant: TenantName): Promise<readonly Scope[]> {
    return (await listCollectionNames(this.#parts.store, tenant)).map((collection) => ({ tenant, collection }));
  }

  /** Manifest first: from then on the collection is gone, and the rest is clearing up. */
  async delete(scope: Scope): Promise<void> {
    const collection = await this.get(scope);
    await collection.log.refresh();
    this.forget(scope);
    await collection.close();
    await collection.manifests.remove();
    const { store } = this.#parts;
    for await (const { key } of store.list(collectionPrefix(scope))) await store.delete(key);
  }

  forget(scope: Scope): void {
    this.#open.delete(collectionPrefix(scope));
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
      distance: spec.distance ?? "cosine",
      embeddingModel,
      precision: supported("precision", spec.precision, "float32"),
      language: spec.language ?? "english",
      clusterBy: supported("cluster_by", spec.cluster_by, "embedding"),
      shardMaxDocs: spec.shard_max_docs ?? shardMaxDocs,
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

import { type DocumentId, documentId, isMosaicError, MosaicError, type Scope } from "../base/index.ts";
import type { Embedder } from "../embedding/index.ts";
import { liveDocuments } from "../manifest/index.ts";
import { goneCodes, type LeafDocument, type LogView, type Root } from "../search/index.ts";
import { normalised } from "../shard/index.ts";
import type { GetOptions, Metadata, SearchHit, SearchRequest, StoredDocument } from "./api.ts";
import { checkVector, invalid, refuseLength, refuseZero } from "./check-document.ts";
import { checkAsOf } from "./check-search.ts";
import type { Collection, EngineParts } from "./collection.ts";
import { type Collections, modelMismatch, type Opened } from "./collections.ts";

export interface ReadParts {
  readonly parts: EngineParts;
  readonly collections: Collections;
  readonly root: Root;
  readonly embedder: Embedder;
}

/** A document as it is now, wherever it lies. */
export interface CurrentDocument extends LeafDocument {
  readonly vector: Float32Array | null;
}

/** Documents by id, and search. */
export class Reads {
  readonly #with: ReadParts;

  constructor(parts: ReadParts) {
    this.#with = parts;
  }

  /** Runs `task` on the collection as it is now; one that was deleted elsewhere is looked for anew. */
  async fresh<T>(scope: Scope, task: (collection: Collection) => Promise<T>): Promise<T> {
    return await this.on(scope, async (collection, current) => {
      if (!current) await collection.log.refresh();
      return await task(collection);
    });
  }

  async ifPresent<T>(scope: Scope, task: (collection: Collection) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.fresh(scope, task);
    } catch (error) {
      if (isMosaicError(error, "not_found")) return undefined;
      throw error;
    }
  }

  /** Runs `task` on the open collection, with whether it is known to be current; when it turns out to be gone, once more on a newly opened one. */
  async on<T>(scope: Scope, task: (collection: Collection, current: boolean) => Promise<T>): Promise<T> {
    const { collections } = this.#with;
    return await this.#again(() => collections.open(scope), task);
  }

  /** The same on a collection that is made when there is none. */
  async onMade<T>(scope: Scope, task: (collection: Collection) => Promise<T>): Promise<T> {
    const { collections } = this.#with;
    return await this.#again(() => collections.getOrCreate(scope), task);
  }

  async #again<T>(
    open: () => Promise<Opened>,
    task: (collection: Collection, current: boolean) => Promise<T>,
  ): Promise<T> {
    const { collection, current } = await open();
    try {
      return await task(collection, current);
    } catch (error) {
      if (!(isMosaicError(error, "not_found") && error.code === "collection_not_found")) throw error;
      this.#with.collections.forget(collection);
      const again = await open();
      return await task(again.collection, again.current);
    }
  }

  async get(scope: Scope, id: string, options: GetOptions): Promise<StoredDocument> {
    const key = documentId(id);
    const asOf = checkAsOf(options.as_of);
    const found = await this.fresh(scope, async (collection) =>
      this.current({ view: await collection.viewAt(asOf) }, key),
    );
    if (found === undefined) throw documentNotFound(id);
    const { text, metadata, createdAt, updatedAt, vector } = found;
    const embedding = options.embedding && vector !== null ? { embedding: [...vector] } : {};
    return {
      id,
      text,
      metadata: JSON.parse(metadata) as Metadata,
      created_at: createdAt,
      updated_at: updatedAt,
      ...embedding,
    };
  }

  /** The live document of an id in the state that the view's log knows; refresh it first. */
  async current({ view }: Pick<Collection, "view">, id: DocumentId): Promise<CurrentDocument | undefined> {
    return await againOnNewer(view.log, () => this.#current(view, id));
  }

  /** Whether there is a live document of an id; also where it can't be read before its shard is restored. */
  async exists({ view }: Pick<Collection, "view">, id: DocumentId): Promise<boolean> {
    return await againOnNewer(view.log, async () => {
      const inTail = view.log.tail.entry(id)?.operation;
      if (inTail !== undefined) return inTail.kind === "upsert";
      const { root, parts } = this.#with;
      return (await root.lookup(view, [id], false, parts.settings.shardTimeoutMs)).length > 0;
    });
  }

  async #current(view: Collection["view"], id: DocumentId): Promise<CurrentDocument | undefined> {
    const inTail = view.log.tail.entry(id)?.operation;
    if (inTail?.kind === "delete") return undefined;
    if (inTail !== undefined) return inTail;
    const { root, parts } = this.#with;
    const [row] = await root.lookup(view, [id], true, parts.settings.shardTimeoutMs);
    return row?.document == null ? undefined : { ...row.document, vector: row.vector };
  }

  /** Live documents, exactly: rows that the tail replaces or deletes are looked up where a filter can't exclude them. */
  async count(collection: Collection): Promise<number> {
    return await againOnNewer(collection.log, () => this.#count(collection));
  }

  async #count({ log, view }: Collection): Promise<number> {
    const { root, parts } = this.#with;
    const inShards = log.manifest.shards.reduce((sum, shard) => sum + liveDocuments(shard), 0);
    const documents = inShards + log.tail.documents;
    const outdated = view.maybeOutdated();
    const rows = outdated.length === 0 ? [] : await root.lookup(view, outdated, false, parts.settings.shardTimeoutMs);
    return documents - rows.length;
  }

  /** The vector of a search, of unit length for cosine. Throws `invalid` for one that the collection can't compare. */
  async queryVector(
    collection: Collection,
    { query, vector }: Pick<SearchRequest, "query" | "vector">,
  ): Promise<Float32Array> {
    const { dimensions, distance } = collection.log.manifest.settings;
    const raw =
      vector === undefined
        ? await this.embed(collection, [query ?? ""]).then(([first]) => first)
        : checkVector(vector, "vector");
    if (raw === undefined) throw new MosaicError("internal", "embed query");
    refuseZero(raw, distance, "vector");
    if (dimensions !== null) refuseLength(raw, dimensions, "vector");
    return distance === "cosine" ? normalised(raw) : raw;
  }

  /** Vectors of texts by the collection's model. Throws when this engine has another. */
  async embed(collection: Collection, texts: readonly string[]): Promise<Float32Array[]> {
    const { embedder } = this.#with;
    const { embeddingModel } = collection.log.manifest.settings;
    if (embeddingModel === "none") {
      throw invalid(
        "embedding_required",
        "This collection has no embedding model: send vectors (embedding in documents, vector in searches).",
      );
    }
    if (embeddingModel !== embedder.model) throw modelMismatch(embeddingModel, embedder.model ?? "none");
    return await embedder.embed(texts);
  }
}

/** Runs `task`; when an object that it needs is gone, once more if a newer manifest names what replaced it. */
async function againOnNewer<T>(log: LogView, task: () => Promise<T>): Promise<T> {
  const { generation } = log.manifest;
  try {
    return await task();
  } catch (error) {
    if (!isMosaicError(error, "data") || !goneCodes.has(error.code)) throw error;
    await log.refresh();
    if (log.manifest.generation === generation) throw error;
    return await task();
  }
}

export function documentNotFound(id: string): MosaicError {
  return new MosaicError("not_found", "find document", {
    code: "document_not_found",
    detail: `There is no document with the id ${JSON.stringify(id.slice(0, 100))} in this collection.`,
  });
}

export type { SearchHit };

import { type DocumentId, documentId, formatTimestamp, isMosaicError, MosaicError, type Scope } from "../base/index.ts";
import type { Committed, Operation, Tail, Upsert } from "../ingest/index.ts";
import type { BatchProblem, BatchResult, DocumentInput, DocumentPatch, Json, WriteResult } from "./api.ts";
import {
  type CheckedDocument,
  type CheckedPatch,
  checkDocument,
  checkMetadata,
  checkPatch,
  documentProblem,
  invalid,
  isRefusedZero,
  refuseLength,
  refuseZero,
} from "./check-document.ts";
import type { Collection } from "./collection.ts";
import { mergePatch } from "./merge-patch.ts";
import { type CurrentDocument, documentNotFound, type ReadParts, type Reads } from "./reads.ts";

/** Tries of a write that another writer keeps overtaking. */
const maxTries = 20;

/** Stores, changes and deletes documents. */
export class Writes {
  readonly #with: ReadParts;
  readonly #reads: Reads;
  /** First vectors that came together fix the dimensions with one swap. */
  readonly #fixing = new WeakMap<Collection, Promise<void>>();

  constructor(parts: ReadParts & { readonly reads: Reads }) {
    this.#with = parts;
    this.#reads = parts.reads;
  }

  async put(scope: Scope, input: DocumentInput): Promise<WriteResult & { readonly created: boolean }> {
    const document = checkDocument(input, this.#with.parts.settings.maxTextBytes);
    return await this.#reads.onMade(scope, async (collection) => {
      const [operation] = await this.#upserts(collection, [document]);
      const committed = await this.#commit(collection, [operation as Upsert]);
      const { id } = operation as Upsert;
      return { id, version: versionOf(committed), created: !(await this.#existed(collection, id, committed)) };
    });
  }

  async putMany(scope: Scope, inputs: readonly unknown[]): Promise<BatchResult> {
    const { maxBatchDocs, maxTextBytes } = this.#with.parts.settings;
    if (inputs.length > maxBatchDocs) {
      throw new MosaicError("too_large", "write documents", {
        code: "too_many_documents",
        detail: `The batch has ${inputs.length} documents; at most ${maxBatchDocs} are allowed (MAX_BATCH_DOCS).`,
      });
    }
    const { good, errors } = checkAll(inputs, maxTextBytes);
    const { kept, repeats } = lastOfEachId(good);
    if (kept.length === 0) return { accepted: 0, errors: [...errors, ...repeats].sort(byIndex) };
    const misfits = await this.#reads.onMade(scope, async (collection) => {
      const { fitting, misfits: found } = await this.#fitting(collection, kept);
      const operations = await this.#upserts(
        collection,
        fitting.map(({ document }) => document),
      );
      if (operations.length > 0) await this.#commit(collection, operations);
      return found;
    });
    const accepted = kept.length - misfits.length;
    return { accepted, errors: [...errors, ...repeats, ...misfits].sort(byIndex) };
  }

  async patch(scope: Scope, id: string, input: DocumentPatch): Promise<WriteResult> {
    const key = documentId(id);
    const patch = checkPatch(input, this.#with.parts.settings.maxTextBytes);
    return await this.#change(scope, key, async (collection) => {
      const current = await this.#reads.current(collection, key);
      if (current === undefined) throw documentNotFound(id);
      const metadata = patch.metadata === undefined ? current.metadata : patched(current.metadata, patch.metadata);
      const text = patch.text ?? current.text;
      const vector = await this.#patchedVector(collection, patch, current);
      const { createdAt = current.createdAt } = patch;
      return { kind: "upsert", id: key, text, metadata, createdAt, updatedAt: this.#now(), vector };
    });
  }

  async delete(scope: Scope, id: string): Promise<WriteResult> {
    const key = documentId(id);
    return await this.#change(scope, key, async (collection) => {
      if (!(await this.#reads.exists(collection, key))) throw documentNotFound(id);
      return { kind: "delete", id: key };
    });
  }

  /** Reads, changes, writes; when the document was written in between, the same again on what it is now. */
  async #change(
    scope: Scope,
    id: DocumentId,
    change: (collection: Collection) => Promise<Operation>,
  ): Promise<WriteResult> {
    return await this.#reads.on(scope, async (collection) => {
      for (let attempt = 0; attempt < maxTries; attempt++) {
        await collection.log.refresh();
        const basis = collection.log.tail.lastSequence;
        const operation = await change(collection);
        const stillHolds = (tail: Tail): boolean =>
          collection.log.manifest.foldedThrough <= basis && (tail.entry(id)?.sequence ?? 0) <= basis;
        const committed = await collection.committer.commit({ operations: [operation], stillHolds });
        collection.schedule.noticeTail();
        if (committed !== "stale") return { id, version: versionOf(committed) };
      }
      throw new MosaicError("unavailable", "change document", {
        code: "write_contention",
        detail: "The document kept changing while this request was being applied; send it again.",
        retryAfterMs: 500,
      });
    });
  }

  async #commit(collection: Collection, operations: readonly Operation[]): Promise<Committed> {
    const committed = await collection.committer.commit({ operations });
    collection.schedule.noticeTail();
    if (committed === "stale")
      throw new MosaicError("internal", "write documents", { hint: "an unconditional write went stale" });
    return committed;
  }

  /** Whether a live document of this id was there just before the write. */
  async #existed(collection: Collection, id: DocumentId, committed: Committed): Promise<boolean> {
    const [before] = committed.previous;
    if (before !== undefined) return before.operation.kind === "upsert";
    const { root, parts } = this.#with;
    try {
      const rows = await root.lookupIn(collection.view, committed.manifest, [id], parts.settings.shardTimeoutMs);
      return rows.length > 0;
    } catch (error) {
      // The write is durable whatever can't be read here. Only shards whose filter holds the id were asked.
      if (isMosaicError(error, "data", "unavailable", "timeout")) return true;
      throw error;
    }
  }

  /** Documents whose vector the collection can take; the first vector of a collection fixes its dimensions. */
  async #fitting(
    collection: Collection,
    documents: readonly Numbered[],
  ): Promise<{ fitting: readonly Numbered[]; misfits: readonly BatchProblem[] }> {
    await this.#fixByFirst(
      collection,
      documents.map(({ document }) => document),
    );
    const misfits: BatchProblem[] = [];
    const fitting = documents.filter(({ document, index }) => {
      try {
        this.#checkFit(collection, document);
        return true;
      } catch (error) {
        misfits.push({ index, ...(document.id === undefined ? {} : { id: document.id }), ...documentProblem(error) });
        return false;
      }
    });
    return { fitting, misfits };
  }

  /** A vector that will be refused decides nothing. */
  async #fixByFirst(collection: Collection, documents: readonly CheckedDocument[]): Promise<void> {
    const { distance } = collection.log.manifest.settings;
    const first = documents.find(({ embedding }) => embedding !== undefined && !isRefusedZero(embedding, distance));
    if (first?.embedding !== undefined) await this.#fixDimensions(collection, first.embedding.length);
  }

  #checkFit(collection: Collection, { embedding }: { readonly embedding: Float32Array | undefined }): void {
    if (embedding === undefined) return;
    const { dimensions, distance } = collection.log.manifest.settings;
    if (dimensions !== null) refuseLength(embedding, dimensions, "embedding");
    refuseZero(embedding, distance, "embedding");
  }

  async #upserts(collection: Collection, documents: readonly CheckedDocument[]): Promise<Upsert[]> {
    await this.#fixByFirst(collection, documents);
    for (const document of documents) this.#checkFit(collection, document);
    const vectors = await this.#vectors(collection, documents);
    const { random, clock } = this.#with.parts;
    const now = this.#now();
    return documents.map(({ id, text, metadata, createdAt }, at) => ({
      kind: "upsert",
      id: id ?? (random.id(clock.now()) as DocumentId),
      text,
      metadata,
      createdAt: createdAt ?? now,
      updatedAt: now,
      vector: vectors[at] ?? null,
    }));
  }

  /** The documents' own vectors, and the model's for those without; null where the collection has no model. */
  async #vectors(
    collection: Collection,
    documents: readonly CheckedDocument[],
  ): Promise<readonly (Float32Array | null)[]> {
    const { embeddingModel } = collection.log.manifest.settings;
    const missing = embeddingModel === "none" ? [] : documents.filter(({ embedding }) => embedding === undefined);
    const made =
      missing.length === 0
        ? []
        : await this.#reads.embed(
            collection,
            missing.map(({ text }) => text),
          );
    const [first] = made;
    if (first !== undefined) await this.#fixDimensions(collection, first.length);
    const byDocument = new Map(missing.map((document, at) => [document, made[at] ?? null]));
    return documents.map((document) => document.embedding ?? byDocument.get(document) ?? null);
  }

  async #patchedVector(
    collection: Collection,
    patch: CheckedPatch,
    current: CurrentDocument,
  ): Promise<Float32Array | null> {
    if (patch.embedding !== undefined) {
      refuseZero(patch.embedding, collection.log.manifest.settings.distance, "embedding");
      await this.#fixDimensions(collection, patch.embedding.length);
      this.#checkFit(collection, patch);
      return patch.embedding;
    }
    if (patch.text === undefined) return current.vector;
    // A vector that a client brought says nothing of the new text; without a model it is dropped.
    if (collection.log.manifest.settings.embeddingModel === "none") return null;
    const [vector] = await this.#reads.embed(collection, [patch.text]);
    return vector ?? null;
  }

  /** The first vector decides; a second writer's different first vector is refused by the check that follows. */
  async #fixDimensions(collection: Collection, dimensions: number): Promise<void> {
    if (collection.log.manifest.settings.dimensions !== null) return;
    const fixing =
      this.#fixing.get(collection) ??
      this.#swapDimensions(collection, dimensions).finally(() => this.#fixing.delete(collection));
    this.#fixing.set(collection, fixing);
    await fixing;
  }

  async #swapDimensions(collection: Collection, dimensions: number): Promise<void> {
    const swapped = await collection.manifests.update(collection.log.stored, ({ settings }) =>
      settings.dimensions === null ? { settings: { ...settings, dimensions } } : undefined,
    );
    if (swapped === undefined) await collection.log.refresh();
    else await collection.log.adopt(swapped);
  }

  #now(): string {
    return formatTimestamp(this.#with.parts.clock.now());
  }
}

interface Numbered {
  readonly index: number;
  readonly document: CheckedDocument;
}

const versionOf = ({ sequence, index }: Committed): string => `${sequence}.${index}`;
const byIndex = (a: BatchProblem, b: BatchProblem): number => a.index - b.index;

function checkAll(
  inputs: readonly unknown[],
  maxTextBytes: number,
): { good: readonly Numbered[]; errors: readonly BatchProblem[] } {
  const good: Numbered[] = [];
  const errors: BatchProblem[] = [];
  inputs.forEach((input, index) => {
    try {
      good.push({ index, document: checkDocument(input, maxTextBytes) });
    } catch (error) {
      const id = (input as { id?: unknown } | null)?.id;
      errors.push({ index, ...(typeof id === "string" ? { id } : {}), ...documentProblem(error) });
    }
  });
  return { good, errors };
}

/** Of documents with the same id in one batch the last is stored, and the answer says so of the others. */
function lastOfEachId(documents: readonly Numbered[]): { kept: readonly Numbered[]; repeats: readonly BatchProblem[] } {
  const lastIndex = new Map<string, number>();
  for (const { index, document } of documents) if (document.id !== undefined) lastIndex.set(document.id, index);
  const isLast = ({ index, document }: Numbered): boolean =>
    document.id === undefined || lastIndex.get(document.id) === index;
  const repeats = documents
    .filter((one) => !isLast(one))
    .map(({ index, document }) => ({
      index,
      id: document.id as string,
      code: "duplicate_id",
      detail: `The batch has this id again at index ${lastIndex.get(document.id as string)}; the last one was stored.`,
    }));
  return { kept: documents.filter(isLast), repeats };
}

function patched(metadata: string, patch: NonNullable<CheckedPatch["metadata"]>): string {
  const merged = mergePatch(JSON.parse(metadata) as Json, patch);
  if (typeof merged !== "object" || merged === null)
    throw invalid("invalid_metadata", "The metadata is not a JSON object.");
  return checkMetadata(merged);
}

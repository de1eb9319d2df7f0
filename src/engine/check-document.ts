import {
  type DocumentId,
  documentId,
  isMosaicError,
  MosaicError,
  maxDimensions,
  maxMetadataDepth,
  parseTimestamp,
} from "../base/index.ts";
import type { Metadata } from "./api.ts";

/** A document whose every part was checked; what is absent is left to the engine. */
export interface CheckedDocument {
  readonly id: DocumentId | undefined;
  readonly text: string;
  /** JSON text of an object. */
  readonly metadata: string;
  readonly embedding: Float32Array | undefined;
  readonly createdAt: string | undefined;
}

export interface CheckedPatch {
  readonly text: string | undefined;
  readonly metadata: Metadata | undefined;
  readonly embedding: Float32Array | undefined;
  readonly createdAt: string | undefined;
}

export const maxMetadataBytes = 64 * 1024;

export function invalid(code: string, detail: string): MosaicError {
  return new MosaicError("invalid", "check request", { code, detail });
}

const documentFields = new Set(["id", "text", "metadata", "embedding", "created_at"]);
const patchFields = new Set(["text", "metadata", "embedding", "created_at"]);

/** Throws `invalid` or `too_large` with a code of its own for each thing that can be wrong. */
export function checkDocument(input: unknown, maxTextBytes: number): CheckedDocument {
  const fields = fieldsOf(input, "document", documentFields);
  const { id, text, metadata, embedding, created_at: createdAt } = fields;
  if (id !== undefined && typeof id !== "string") throw invalid("invalid_id", "A document id is a string.");
  return {
    id: id === undefined ? undefined : documentId(id),
    text: checkText(text, maxTextBytes),
    metadata: metadata === undefined ? "{}" : checkMetadata(metadata),
    embedding: embedding === undefined ? undefined : checkVector(embedding, "embedding"),
    createdAt: createdAt === undefined ? undefined : checkTimestamp(createdAt),
  };
}

export function checkPatch(input: unknown, maxTextBytes: number): CheckedPatch {
  const { text, metadata, embedding, created_at: createdAt } = fieldsOf(input, "patch", patchFields);
  if (metadata !== undefined) checkMetadata(metadata);
  return {
    text: text === undefined ? undefined : checkText(text, maxTextBytes),
    metadata: metadata as Metadata | undefined,
    embedding: embedding === undefined ? undefined : checkVector(embedding, "embedding"),
    createdAt: createdAt === undefined ? undefined : checkTimestamp(createdAt),
  };
}

function fieldsOf(input: unknown, what: string, allowed: ReadonlySet<string>): Record<string, unknown> {
  if (!isObject(input)) throw invalid("invalid_document", `A ${what} is a JSON object.`);
  const unknown = Object.keys(input).find((field) => !allowed.has(field));
  if (unknown === undefined) return input;
  throw invalid(
    "unknown_field",
    `A ${what} has no field ${JSON.stringify(unknown.slice(0, 64))}; it may have: ${[...allowed].join(", ")}.`,
  );
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

function checkText(text: unknown, maxTextBytes: number): string {
  if (typeof text !== "string") throw invalid("invalid_text", "A document needs a text: a string.");
  if (text.trim() === "")
    throw invalid("empty_text", "The text is empty; a document needs at least one visible character.");
  if (!text.isWellFormed())
    throw invalid("invalid_utf8", "The text holds half of a surrogate pair; send valid Unicode.");
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxTextBytes) return text;
  throw new MosaicError("too_large", "check request", {
    code: "text_too_large",
    detail: `The text has ${bytes} bytes; at most ${maxTextBytes} are allowed (MAX_TEXT_BYTES). Split the document.`,
  });
}

/** The JSON text of metadata that keeps the limits. */
export function checkMetadata(metadata: unknown): string {
  if (!isObject(metadata)) throw invalid("invalid_metadata", "The metadata is not a JSON object.");
  if (depthOf(metadata) > maxMetadataDepth) {
    throw invalid("metadata_too_deep", `The metadata is nested more than ${maxMetadataDepth} levels deep.`);
  }
  const json = JSON.stringify(metadata);
  const bytes = Buffer.byteLength(json);
  if (bytes <= maxMetadataBytes) return json;
  throw new MosaicError("too_large", "check request", {
    code: "metadata_too_large",
    detail: `The metadata has ${bytes} bytes of JSON; at most ${maxMetadataBytes} are allowed.`,
  });
}

/** Levels of nesting, counted without recursion: the sender chooses the depth. Stops at the first too deep. */
function depthOf(root: unknown): number {
  let level: unknown[] = [root];
  for (let depth = 0; ; depth++) {
    const nested = level.filter((value) => typeof value === "object" && value !== null);
    if (nested.length === 0 || depth > maxMetadataDepth) return depth;
    level = nested.flatMap((value) => Object.values(value as object));
    for (const value of level) {
      if (typeof value === "number" && !Number.isFinite(value))
        throw invalid("invalid_metadata", "The metadata holds a number that is not finite.");
      if (typeof value === "bigint" || typeof value === "function" || typeof value === "symbol") {
        throw invalid("invalid_metadata", "The metadata holds a value that JSON does not have.");
      }
    }
  }
}

/** A copy in float32. Throws for what is no vector of finite float32 numbers. */
export function checkVector(value: unknown, field: string): Float32Array {
  const numbers = value instanceof Float32Array ? value : Array.isArray(value) ? value : undefined;
  if (numbers === undefined) throw invalid("invalid_vector", `The field ${field} is not an array of numbers.`);
  if (numbers.length === 0 || numbers.length > maxDimensions) {
    throw invalid(
      "invalid_vector",
      `The field ${field} has ${numbers.length} numbers; a vector has 1 to ${maxDimensions}.`,
    );
  }
  const vector = new Float32Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    const number: unknown = numbers[i];
    vector[i] = typeof number === "number" ? number : Number.NaN;
    if (!Number.isFinite(vector[i])) {
      throw invalid("invalid_vector", `The field ${field} is not a finite float32 number at position ${i}.`);
    }
  }
  return vector;
}

/** A zero vector has no direction: cosine distance to it means nothing. */
export const isRefusedZero = (vector: Float32Array, distance: string): boolean =>
  distance === "cosine" && vector.every((number) => number === 0);

export function refuseZero(vector: Float32Array, distance: string, field: string): void {
  if (isRefusedZero(vector, distance)) {
    throw invalid("zero_vector", `The field ${field} is all zeros, which has no direction; cosine distance needs one.`);
  }
}

export function refuseLength(vector: Float32Array, dimensions: number, field: string): void {
  if (vector.length === dimensions) return;
  throw invalid(
    "wrong_dimensions",
    `The field ${field} has ${vector.length} numbers; this collection's vectors have ${dimensions}.`,
  );
}

function checkTimestamp(value: unknown): string {
  const stored = typeof value === "string" ? parseTimestamp(value) : undefined;
  if (stored !== undefined) return stored;
  throw invalid("invalid_timestamp", "created_at is not an ISO 8601 date or time, such as 2024-03-01T10:00:00Z.");
}

/** What a batch's answer says of one bad document; other errors concern the whole batch and are thrown on. */
export function documentProblem(error: unknown): { readonly code: string; readonly detail: string } {
  if (!isMosaicError(error, "invalid", "too_large")) throw error;
  return { code: error.code, detail: error.detail };
}

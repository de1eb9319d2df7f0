import { createHash } from "node:crypto";
import { type DocumentId, MosaicError } from "../base/index.ts";

/**
 * One WAL object. Little-endian; strings are u32 byte length + UTF-8; see docs/file-format.md#segments.
 *
 *   "MSG1" · u32 header length · header JSON {incarnation, nonce, atMs, entries} · entries · 32 bytes SHA-256 of all before
 *   entry: u8 kind (1 upsert, 2 delete) · id · for an upsert: text · metadata JSON · created_at · updated_at ·
 *          u32 dimensions (0: no vector) · float32 × dimensions
 */
export interface Upsert {
  readonly kind: "upsert";
  readonly id: DocumentId;
  readonly text: string;
  /** A JSON object, as text: it is stored and returned, never computed with here. */
  readonly metadata: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly vector: Float32Array | null;
}
export interface Delete {
  readonly kind: "delete";
  readonly id: DocumentId;
}
export type Operation = Upsert | Delete;

export interface Segment {
  /** Of the collection that it was written to; a later collection of the same name ignores it. */
  readonly incarnation: string;
  /** The writer's: after a lost answer it tells its own segment from another's. */
  readonly nonce: string;
  /** By the writer's clock, milliseconds since the epoch: what a past moment of the log is told by. */
  readonly atMs: number;
  readonly operations: readonly Operation[];
}

const magic = Buffer.from("MSG1");
const digestBytes = 32;

/** A string's length, before it. */
const lengthBytes = 4;
const fieldBytes = (text: string): number => lengthBytes + Buffer.byteLength(text);

/** Bytes that an operation takes in a segment. */
export function operationBytes(operation: Operation): number {
  const head = 1 + fieldBytes(operation.id);
  if (operation.kind === "delete") return head;
  const { text, metadata, createdAt, updatedAt, vector } = operation;
  const fields = [text, metadata, createdAt, updatedAt].reduce((sum, field) => sum + fieldBytes(field), 0);
  return head + fields + 4 + (vector?.length ?? 0) * 4;
}

class Writer {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }
  u8(value: number): void {
    this.#at = this.#bytes.writeUInt8(value, this.#at);
  }
  u32(value: number): void {
    this.#at = this.#bytes.writeUInt32LE(value, this.#at);
  }
  raw(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }
  text(value: string): void {
    const length = this.#bytes.write(value, this.#at + 4, "utf8");
    this.u32(length);
    this.#at += length;
  }
  done(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
}

const floatBytes = (vector: Float32Array): Uint8Array =>
  new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);

function writeOperation(writer: Writer, operation: Operation): void {
  writer.u8(operation.kind === "upsert" ? 1 : 2);
  writer.text(operation.id);
  if (operation.kind === "delete") return;
  const { text, metadata, createdAt, updatedAt, vector } = operation;
  for (const field of [text, metadata, createdAt, updatedAt]) writer.text(field);
  writer.u32(vector?.length ?? 0);
  if (vector !== null) writer.raw(floatBytes(vector));
}

export function encodeSegment(segment: Segment): Uint8Array {
  const { incarnation, nonce, atMs, operations } = segment;
  const header = JSON.stringify({ incarnation, nonce, atMs, entries: operations.length });
  const capacity = operations.reduce((sum, one) => sum + operationBytes(one), magic.length + fieldBytes(header));
  const writer = new Writer(capacity);
  writer.raw(magic);
  writer.text(header);
  for (const operation of operations) writeOperation(writer, operation);
  const body = writer.done();
  return Buffer.concat([body, createHash("sha256").update(body).digest()]);
}

class Reader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }
  u8(): number {
    return this.#bytes.readUInt8(this.#at++);
  }
  u32(): number {
    const value = this.#bytes.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }
  text(): string {
    const length = this.u32();
    const text = this.#bytes.toString("utf8", this.#at, this.#at + length);
    this.#at += length;
    return text;
  }
  floats(count: number): Float32Array {
    const copy = new Float32Array(count);
    floatBytes(copy).set(this.#bytes.subarray(this.#at, this.#at + count * 4));
    this.#at += count * 4;
    return copy;
  }
}

function readOperation(reader: Reader): Operation {
  const kind = reader.u8();
  const id = reader.text() as DocumentId;
  if (kind === 2) return { kind: "delete", id };
  const [text, metadata, createdAt, updatedAt] = [reader.text(), reader.text(), reader.text(), reader.text()];
  const dimensions = reader.u32();
  const vector = dimensions === 0 ? null : reader.floats(dimensions);
  return { kind: "upsert", id, text, metadata, createdAt, updatedAt, vector };
}

/** Throws `data` unless the bytes are exactly what encodeSegment made. */
export function decodeSegment(input: Uint8Array, key: string): Segment {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const body = bytes.subarray(0, Math.max(0, bytes.length - digestBytes));
  const whole =
    bytes.length > digestBytes + 8 &&
    body.subarray(0, 4).equals(magic) &&
    createHash("sha256").update(body).digest().equals(bytes.subarray(body.length));
  if (!whole) {
    throw new MosaicError("data", "read segment", {
      code: "segment_damaged",
      detail: "An acknowledged segment of the write-ahead log is damaged; its documents can't be read.",
      key,
      hint: "run: mosaic verify",
    });
  }
  const reader = new Reader(body, 4);
  const { incarnation, nonce, atMs, entries } = JSON.parse(reader.text()) as {
    incarnation: string;
    nonce: string;
    atMs: number;
    entries: number;
  };
  return { incarnation, nonce, atMs, operations: Array.from({ length: entries }, () => readOperation(reader)) };
}

import { MosaicError } from "../../base/index.ts";

/** A value as SQLite knows it: whole numbers are bigint, reals are number. */
export type SqlValue = null | bigint | number | string | Uint8Array;
/** A value as JSON carries it: integers beyond 2^53 as `{"$int"}`, blobs as `{"$blob"}`, base64. */
export type WireValue = null | number | string | { readonly $int: string } | { readonly $blob: string };

export function toWire(value: SqlValue): WireValue {
  if (typeof value === "bigint") {
    const near = Number(value);
    return Number.isSafeInteger(near) ? near : { $int: String(value) };
  }
  if (value instanceof Uint8Array) {
    return { $blob: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  }
  // JSON has no infinity.
  if (typeof value === "number" && !Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

/** A parameter as JSON brought it. `true` and `false` are 1 and 0; arrays and other objects are passed as JSON text. */
export function fromWire(value: unknown, name: string): SqlValue {
  if (value === null || value === undefined || typeof value === "string") return checkedText(value ?? null, name);
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "bigint") return inRange(value, name);
  if (typeof value === "number") return fromNumber(value, name);
  if (value instanceof Uint8Array) return value;
  return fromObject(value, name);
}

function fromNumber(value: number, name: string): SqlValue {
  if (Number.isNaN(value)) throw wrong(name, "is not a number");
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
}

function checkedText(value: string | null, name: string): string | null {
  if (value !== null && !value.isWellFormed()) throw wrong(name, "holds half of a surrogate pair");
  return value;
}

function fromObject(value: object, name: string): SqlValue {
  const [[key, inner] = [], ...more] = Object.entries(value) as [string, unknown][];
  if (more.length === 0 && key === "$int" && typeof inner === "string" && /^[+-]?\d{1,19}$/.test(inner)) {
    return inRange(BigInt(inner.replace("+", "")), name);
  }
  if (more.length === 0 && key === "$blob" && typeof inner === "string" && isBase64(inner)) {
    return new Uint8Array(Buffer.from(inner, "base64"));
  }
  if (key === "$int" || key === "$blob") throw wrong(name, 'is {"$int": "<digits>"} or {"$blob": "<base64>"}');
  return JSON.stringify(value);
}

const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

function inRange(value: bigint, name: string): bigint {
  if (value === BigInt.asIntN(64, value)) return value;
  throw wrong(name, "does not fit into 64 bits");
}

const wrong = (name: string, why: string): MosaicError =>
  new MosaicError("invalid", "read SQL parameters", {
    code: "invalid_parameter",
    detail: `The parameter ${name} ${why}.`,
  });

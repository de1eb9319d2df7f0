/** Typed arrays as they travel in JSON: `{"$": "f32", "data": base64}`, little-endian as on every machine that Lambda has. */
const kinds = {
  u8: Uint8Array,
  u32: Uint32Array,
  f32: Float32Array,
} as const;
type Kind = keyof typeof kinds;

interface Packed {
  readonly $: Kind;
  readonly data: string;
}

const isPacked = (value: object): value is Packed =>
  "$" in value && typeof value.$ === "string" && value.$ in kinds && Object.keys(value).length === 2;

function packedArray(view: ArrayBufferView): Packed {
  // A Buffer is a Uint8Array.
  const kind = (Object.keys(kinds) as Kind[]).find((name) => view instanceof kinds[name]);
  if (kind === undefined) throw new TypeError("this kind of array does not travel");
  return { $: kind, data: Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("base64") };
}

function mapped(value: unknown, change: (value: object) => unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const changed = change(value);
  if (changed !== undefined) return changed;
  if (Array.isArray(value)) return value.map((item) => mapped(item, change));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapped(item, change)]));
}

/** Plain data with typed arrays, as plain data that JSON can hold. */
export const packed = (value: unknown): unknown =>
  mapped(value, (each) => (ArrayBuffer.isView(each) ? packedArray(each) : undefined));

/** What `packed` was given. Each array has memory of its own. */
export const unpacked = (value: unknown): unknown =>
  mapped(value, (each) =>
    isPacked(each) ? new kinds[each.$](Uint8Array.from(Buffer.from(each.data, "base64")).buffer) : undefined,
  );

export const toWire = (value: unknown): string => JSON.stringify(packed(value));
export const fromWire = (text: string): unknown => unpacked(JSON.parse(text));

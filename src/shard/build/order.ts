import type { LiveRows } from "./live-rows.ts";

/** All live rows by rising `created_at` or metadata key; rows without the key come first, numbers before texts. */
export function orderedBy(rows: LiveRows, clusterBy: string): Uint32Array {
  const numbers = new Uint32Array([...rows.numbers("vector"), ...rows.numbers("plain")]);
  const keys = new Map<number, Key>();
  rows.shards.forEach((_shard, at) => {
    const first = rows.first(at);
    for (const { row, key } of rows.sources.files[at]?.keys(clusterBy) ?? []) keys.set(first + row, keyOf(key));
  });
  return numbers.sort((a, b) => compare(keys.get(a) as Key, keys.get(b) as Key) || a - b);
}

type Key = readonly [kind: number, value: number | string];

const keyOf = (key: unknown): Key => {
  if (typeof key === "number") return [1, key];
  if (typeof key === "string") return [2, key];
  return [0, 0];
};

const compare = ([kindA, a]: Key, [kindB, b]: Key): number => kindA - kindB || (a < b ? -1 : a > b ? 1 : 0);

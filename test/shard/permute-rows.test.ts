import fc from "fast-check";
import { expect, test } from "vitest";
import { permuteRows } from "../../src/shard/build/permute-rows.ts";

test("rows are put into any order in place, each one whole and once", () => {
  const order = fc.nat(40).chain((count) => {
    const rows = Array.from({ length: count }, (_, row) => row);
    return fc.shuffledSubarray(rows, { minLength: count, maxLength: count });
  });
  fc.assert(
    fc.property(order, fc.integer({ min: 1, max: 5 }), (rows, columns) => {
      const matrix = Float32Array.from({ length: rows.length * columns }, (_, at) => at);
      permuteRows(matrix, Uint32Array.from(rows), columns);
      const expected = rows.flatMap((from) => Array.from({ length: columns }, (_, column) => from * columns + column));
      expect(Array.from(matrix)).toEqual(expected);
    }),
  );
});

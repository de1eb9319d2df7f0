/**
 * Puts the rows of a matrix into another order, in place: row `to` becomes what row `order[to]` was. A copy would be as large
 * as the matrix, which is most of what a build holds. `order` is a permutation of the rows.
 */
export function permuteRows(matrix: Float32Array, order: Uint32Array, columns: number): void {
  const placed = new Uint8Array(order.length);
  for (let start = 0; start < order.length; start++) {
    if (placed[start] === 0) moveCycle(matrix, order, columns, start, placed);
  }
}

/** The rows that take each other's place, from `start` round to it again. */
function moveCycle(matrix: Float32Array, order: Uint32Array, columns: number, start: number, placed: Uint8Array): void {
  const first = matrix.slice(start * columns, (start + 1) * columns);
  let to = start;
  for (let from = order[to] as number; from !== start; from = order[to] as number) {
    matrix.copyWithin(to * columns, from * columns, (from + 1) * columns);
    placed[to] = 1;
    to = from;
  }
  matrix.set(first, to * columns);
  placed[to] = 1;
}

// The scan kernel: functions over raw pointers into one linear memory that the caller lays out. No allocation here.
// Formulas, layouts and their reasons are documented in ../index.ts and ../../codes/.

// ---- candidates: a bounded buffer of (value f32, extra f32, ref u32), pruned by selection when it is full ----

let poolValues: usize = 0;
let poolExtras: usize = 0;
let poolRefs: usize = 0;
let poolCapacity: i32 = 0;
let poolCount: i32 = 0;
let poolWanted: i32 = 0;
let poolThreshold: f32 = -Infinity;

export function poolBegin(values: usize, extras: usize, refs: usize, capacity: i32, wanted: i32): void {
  poolValues = values;
  poolExtras = extras;
  poolRefs = refs;
  poolCapacity = capacity;
  poolWanted = wanted;
  poolCount = 0;
  poolThreshold = -Infinity;
}

/** Goes on with a pool that was copied elsewhere. */
export function poolResume(
  values: usize,
  extras: usize,
  refs: usize,
  capacity: i32,
  wanted: i32,
  count: i32,
  threshold: f32,
): void {
  poolBegin(values, extras, refs, capacity, wanted);
  poolCount = count;
  poolThreshold = threshold;
}

export function poolSize(): i32 {
  return poolCount;
}

export function threshold(): f32 {
  return poolThreshold;
}

// @ts-ignore: decorator
@inline
function swap(a: i32, b: i32): void {
  const pa = (<usize>a) << 2;
  const pb = (<usize>b) << 2;
  const value = load<f32>(poolValues + pa);
  store<f32>(poolValues + pa, load<f32>(poolValues + pb));
  store<f32>(poolValues + pb, value);
  const extra = load<f32>(poolExtras + pa);
  store<f32>(poolExtras + pa, load<f32>(poolExtras + pb));
  store<f32>(poolExtras + pb, extra);
  const ref = load<u32>(poolRefs + pa);
  store<u32>(poolRefs + pa, load<u32>(poolRefs + pb));
  store<u32>(poolRefs + pb, ref);
}

/** Hoare's selection: afterwards the `wanted` largest values come first. Returns the smallest of them. */
function select(wanted: i32): f32 {
  let low = 0;
  let high = poolCount - 1;
  const target = wanted - 1;
  while (low < high) {
    const pivot = load<f32>(poolValues + ((<usize>((low + high) >> 1)) << 2));
    let i = low;
    let j = high;
    while (i <= j) {
      while (load<f32>(poolValues + ((<usize>i) << 2)) > pivot) i++;
      while (load<f32>(poolValues + ((<usize>j) << 2)) < pivot) j--;
      if (i <= j) {
        swap(i, j);
        i++;
        j--;
      }
    }
    if (target <= j) high = j;
    else if (target >= i) low = i;
    else break;
  }
  return load<f32>(poolValues + ((<usize>target) << 2));
}

/** Keeps the `poolWanted` largest values, and raises the threshold to the smallest of them. */
export function prune(): void {
  if (poolCount < poolWanted) return;
  poolThreshold = select(poolWanted);
  poolCount = poolWanted;
}

// @ts-ignore: decorator
@inline
function offer(value: f32, ref: u32): void {
  const at = (<usize>poolCount) << 2;
  store<f32>(poolValues + at, value);
  store<u32>(poolRefs + at, ref);
  poolCount++;
  if (poolCount == poolCapacity) prune();
}

// ---- binary codes ----

/**
 * Scans one cell of binary codes against the query's lookup tables and offers every row that may be among the best.
 * codes: blocks of 16 rows, in each block codeBytes × 16 bytes (byte p of the 16 rows lies together).
 * luts: for each code byte two tables of 16 u8: sums of 4-bit query values over the set bits of a nibble.
 * scales, offsets: f32 a row. Estimate = base + scale · (a · sum + b) + offset · c.
 */
export function scanCodes(
  codes: usize,
  codeBytes: i32,
  luts: usize,
  scales: usize,
  offsets: usize,
  rows: i32,
  live: usize,
  base: f32,
  a: f32,
  b: f32,
  c: f32,
  firstRef: u32,
): void {
  const nibble = i8x16.splat(15);
  const vBase = f32x4.splat(base);
  const vA = f32x4.splat(a);
  const vB = f32x4.splat(b);
  const vC = f32x4.splat(c);
  const blockBytes: usize = (<usize>codeBytes) << 4;
  for (let row = 0; row < rows; row += 16) {
    let low = i16x8.splat(0);
    let high = i16x8.splat(0);
    let lut = luts;
    let code = codes;
    const pairsEnd = codes + (((<usize>codeBytes) >> 1) << 5);
    // Four table values are at most 60 each, so their sum fits a byte.
    while (code < pairsEnd) {
      const first = v128.load(code);
      const second = v128.load(code, 16);
      let sum = i8x16.relaxed_swizzle(v128.load(lut), v128.and(first, nibble));
      sum = i8x16.add(sum, i8x16.relaxed_swizzle(v128.load(lut, 16), i8x16.shr_u(first, 4)));
      sum = i8x16.add(sum, i8x16.relaxed_swizzle(v128.load(lut, 32), v128.and(second, nibble)));
      sum = i8x16.add(sum, i8x16.relaxed_swizzle(v128.load(lut, 48), i8x16.shr_u(second, 4)));
      low = i16x8.add(low, i16x8.extend_low_i8x16_u(sum));
      high = i16x8.add(high, i16x8.extend_high_i8x16_u(sum));
      code += 32;
      lut += 64;
    }
    if (codeBytes & 1) {
      const last = v128.load(code);
      let sum = i8x16.relaxed_swizzle(v128.load(lut), v128.and(last, nibble));
      sum = i8x16.add(sum, i8x16.relaxed_swizzle(v128.load(lut, 16), i8x16.shr_u(last, 4)));
      low = i16x8.add(low, i16x8.extend_low_i8x16_u(sum));
      high = i16x8.add(high, i16x8.extend_high_i8x16_u(sum));
    }
    codes += blockBytes;
    let wanted: i32 = 0xffff;
    if (live) wanted = load<u16>(live + (<usize>row >> 3));
    const left = rows - row;
    if (left < 16) wanted &= (1 << left) - 1;
    const at = (<usize>row) << 2;
    offerFour(i32x4.extend_low_i16x8_u(low), scales + at, offsets + at, vBase, vA, vB, vC, wanted & 15, firstRef + row);
    offerFour(i32x4.extend_high_i16x8_u(low), scales + at + 16, offsets + at + 16, vBase, vA, vB, vC, (wanted >> 4) & 15, firstRef + row + 4);
    offerFour(i32x4.extend_low_i16x8_u(high), scales + at + 32, offsets + at + 32, vBase, vA, vB, vC, (wanted >> 8) & 15, firstRef + row + 8);
    offerFour(i32x4.extend_high_i16x8_u(high), scales + at + 48, offsets + at + 48, vBase, vA, vB, vC, (wanted >> 12) & 15, firstRef + row + 12);
  }
}

// @ts-ignore: decorator
@inline
function offerFour(sums: v128, scale: usize, offset: usize, base: v128, a: v128, b: v128, c: v128, wanted: i32, ref: u32): void {
  const scaled = f32x4.mul(v128.load(scale), f32x4.add(f32x4.mul(a, f32x4.convert_i32x4_u(sums)), b));
  const estimate = f32x4.add(base, f32x4.add(scaled, f32x4.mul(v128.load(offset), c)));
  const passing = i32x4.bitmask(f32x4.gt(estimate, f32x4.splat(poolThreshold))) & wanted;
  if (passing == 0) return;
  if (passing & 1) offer(f32x4.extract_lane(estimate, 0), ref);
  if (passing & 2) offer(f32x4.extract_lane(estimate, 1), ref + 1);
  if (passing & 4) offer(f32x4.extract_lane(estimate, 2), ref + 2);
  if (passing & 8) offer(f32x4.extract_lane(estimate, 3), ref + 3);
}

/** Hamming distances of `rows` codes (row-major, codeBytes a multiple of 16) to `query`, as u16 at `out`. */
export function hamming(codes: usize, codeBytes: i32, query: usize, rows: i32, out: usize): void {
  for (let row = 0; row < rows; row++) {
    let sums = i16x8.splat(0);
    for (let at: usize = 0; at < <usize>codeBytes; at += 16) {
      const differing = i8x16.popcnt(v128.xor(v128.load(codes + at), v128.load(query + at)));
      sums = i16x8.add(sums, i16x8.extadd_pairwise_i8x16_u(differing));
    }
    const four = i32x4.extadd_pairwise_i16x8_u(sums);
    const total = i32x4.extract_lane(four, 0) + i32x4.extract_lane(four, 1) + i32x4.extract_lane(four, 2) + i32x4.extract_lane(four, 3);
    store<u16>(out + ((<usize>row) << 1), <u16>total);
    codes += codeBytes;
  }
}

// ---- int8 vectors with bounds ----

/**
 * Scans int8 vectors and keeps every row whose upper bound reaches the k-th best lower bound so far.
 * The caller leaves room for `rows` more in the pool. In it: value = lower bound, extra = upper bound. factors: (scale, error, norm) f32 a row.
 * value v = m · <q, x> − n · ‖x‖²; bound = m · (qNorm · error + qError · (norm + error)) + slack.
 */
export function scanInt8(
  vectors: usize,
  dimensions: i32,
  stride: i32,
  query: usize,
  queryScale: f32,
  queryNorm: f32,
  queryError: f32,
  factors: usize,
  rows: i32,
  live: usize,
  m: f32,
  n: f32,
  firstRef: u32,
): void {
  const whole = dimensions & ~15;
  for (let row = 0; row < rows; row++) {
    const vector = vectors + (<usize>row) * (<usize>stride);
    if (live && !((<u32>load<u8>(live + (<usize>(row >> 3)))) & (1 << (row & 7)))) continue;
    let sums = i32x4.splat(0);
    for (let at = 0; at < whole; at += 16) {
      const x = v128.load(vector + at);
      const q = v128.load(query + at);
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_s(i16x8.extmul_low_i8x16_s(x, q)));
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_s(i16x8.extmul_high_i8x16_s(x, q)));
    }
    let dot = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
    for (let at = whole; at < dimensions; at++) dot += (<i32>load<i8>(vector + at)) * (<i32>load<i8>(query + at));
    const factor = factors + (<usize>row) * 12;
    const error = load<f32>(factor, 4);
    const norm = load<f32>(factor, 8);
    const product = m * (load<f32>(factor) * queryScale * <f32>dot);
    const square = n * norm * norm;
    const value = product - square;
    // Rounding of float32 in these few operations, generously: 2⁻²⁰ of the sizes involved.
    const slack = (abs(product) + square + m * queryNorm * norm) * 9.5367431640625e-7;
    const bound = m * (queryNorm * error + queryError * (norm + error)) + slack;
    const upper = value + bound;
    if (!(upper < poolThreshold)) {
      const at = (<usize>poolCount) << 2;
      store<f32>(poolValues + at, value - bound);
      store<f32>(poolExtras + at, upper);
      store<u32>(poolRefs + at, firstRef + row);
      poolCount++;
    }
  }
}

/** Raises the threshold to the k-th best lower bound and drops rows whose upper bound is below it. */
export function pruneByBounds(): void {
  if (poolCount <= poolWanted) return;
  const kth = select(poolWanted);
  if (kth > poolThreshold) poolThreshold = kth;
  let kept = 0;
  for (let i = 0; i < poolCount; i++) {
    if (load<f32>(poolExtras + ((<usize>i) << 2)) < poolThreshold) continue;
    if (kept != i) swap(kept, i);
    kept++;
  }
  poolCount = kept;
}

// ---- float32 ----

// @ts-ignore: decorator
@inline
function sumLanes(four: v128): f32 {
  return f32x4.extract_lane(four, 0) + f32x4.extract_lane(four, 1) + (f32x4.extract_lane(four, 2) + f32x4.extract_lane(four, 3));
}

/** out[i] = <query, vectors[i]> for `count` vectors. */
export function dots(query: usize, vectors: usize, dimensions: i32, count: i32, out: usize): void {
  const whole = dimensions & ~7;
  for (let i = 0; i < count; i++) {
    let first = f32x4.splat(0);
    let second = f32x4.splat(0);
    for (let at = 0; at < whole; at += 8) {
      const offset = (<usize>at) << 2;
      first = f32x4.add(first, f32x4.mul(v128.load(query + offset), v128.load(vectors + offset)));
      second = f32x4.add(second, f32x4.mul(v128.load(query + offset, 16), v128.load(vectors + offset, 16)));
    }
    let sum = sumLanes(f32x4.add(first, second));
    for (let at = whole; at < dimensions; at++) {
      const offset = (<usize>at) << 2;
      sum += load<f32>(query + offset) * load<f32>(vectors + offset);
    }
    store<f32>(out + ((<usize>i) << 2), sum);
    vectors += (<usize>dimensions) << 2;
  }
}

/** Unnormalised fast Walsh–Hadamard transform of `length` (a power of two) floats, in place. */
function hadamard(data: usize, length: i32): void {
  for (let half = 1; half < length; half <<= 1) {
    for (let start = 0; start < length; start += half << 1) {
      let x = data + ((<usize>start) << 2);
      let y = x + ((<usize>half) << 2);
      if (half >= 4) {
        for (let i = 0; i < half; i += 4) {
          const u = v128.load(x);
          const v = v128.load(y);
          v128.store(x, f32x4.add(u, v));
          v128.store(y, f32x4.sub(u, v));
          x += 16;
          y += 16;
        }
      } else {
        for (let i = 0; i < half; i++) {
          const u = load<f32>(x);
          const v = load<f32>(y);
          store<f32>(x, u + v);
          store<f32>(y, u - v);
          x += 4;
          y += 4;
        }
      }
    }
  }
}

/**
 * Rotates `count` vectors in place. Each of `rounds` rounds multiplies by signs (f32 ±1, rounds × dimensions) and
 * transforms a power-of-two block of `block` floats: the first ones in even rounds, the last ones in odd rounds.
 */
export function rotate(vectors: usize, dimensions: i32, count: i32, signs: usize, rounds: i32, block: i32): void {
  const scale = f32(1.0 / sqrt<f64>(<f64>block));
  for (let i = 0; i < count; i++) {
    let sign = signs;
    for (let round = 0; round < rounds; round++) {
      for (let at = 0; at < dimensions; at++) {
        const offset = (<usize>at) << 2;
        store<f32>(vectors + offset, load<f32>(vectors + offset) * load<f32>(sign + offset));
      }
      sign += (<usize>dimensions) << 2;
      const start = vectors + (round & 1 ? (<usize>(dimensions - block)) << 2 : 0);
      hadamard(start, block);
      for (let at = 0; at < block; at++) {
        const offset = (<usize>at) << 2;
        store<f32>(start + offset, load<f32>(start + offset) * scale);
      }
    }
    vectors += (<usize>dimensions) << 2;
  }
}

// ---- columns of codes ----

/**
 * Sets bit r of `out` for each row r whose code lies in low…high (both included); others stay as they are. codes: `width` (1, 2 or 4)
 * bytes a row, unsigned. Goes by 16 rows: codes and bits have room for the last 16 to be whole.
 */
export function codesWithin(codes: usize, width: i32, rows: i32, low: u32, high: u32, out: usize): void {
  if (width == 1) {
    const least = i8x16.splat(<i8>low);
    const most = i8x16.splat(<i8>high);
    for (let row = 0; row < rows; row += 16) {
      const v = v128.load(codes);
      const bits = i8x16.bitmask(v128.and(i8x16.ge_u(v, least), i8x16.le_u(v, most)));
      store<u16>(out, load<u16>(out) | <u16>bits);
      codes += 16;
      out += 2;
    }
  } else if (width == 2) {
    const least = i16x8.splat(<i16>low);
    const most = i16x8.splat(<i16>high);
    for (let row = 0; row < rows; row += 8) {
      const v = v128.load(codes);
      const bits = i16x8.bitmask(v128.and(i16x8.ge_u(v, least), i16x8.le_u(v, most)));
      store<u8>(out, load<u8>(out) | <u8>bits);
      codes += 16;
      out += 1;
    }
  } else {
    const least = i32x4.splat(low);
    const most = i32x4.splat(high);
    for (let row = 0; row < rows; row += 8) {
      const v = v128.load(codes);
      const w = v128.load(codes, 16);
      const first = i32x4.bitmask(v128.and(i32x4.ge_u(v, least), i32x4.le_u(v, most)));
      const second = i32x4.bitmask(v128.and(i32x4.ge_u(w, least), i32x4.le_u(w, most)));
      store<u8>(out, load<u8>(out) | <u8>(first | (second << 4)));
      codes += 32;
      out += 1;
    }
  }
}

/** The same for the codes whose bit is set in `table`; a code beyond it counts as not set. */
export function codesOf(codes: usize, width: i32, rows: i32, table: usize, count: u32, out: usize): void {
  for (let row = 0; row < rows; row++) {
    const at = <usize>row;
    let code: u32;
    if (width == 1) code = load<u8>(codes + at);
    else if (width == 2) code = load<u16>(codes + (at << 1));
    else code = load<u32>(codes + (at << 2));
    if (code >= count) continue;
    const bit = (<u32>load<u8>(table + (code >> 3)) >> (code & 7)) & 1;
    const byte = out + (at >> 3);
    store<u8>(byte, load<u8>(byte) | <u8>(bit << (row & 7)));
  }
}

/** out = out & other (`all` = 1) or out | other (0), `bytes` (a multiple of 16) long. */
export function combine(out: usize, other: usize, bytes: i32, all: i32): void {
  for (let at: usize = 0; at < <usize>bytes; at += 16) {
    const a = v128.load(out + at);
    const b = v128.load(other + at);
    v128.store(out + at, all ? v128.and(a, b) : v128.or(a, b));
  }
}

/** Where the caller's blocks may begin. */
export function heapBase(): usize {
  return __heap_base;
}

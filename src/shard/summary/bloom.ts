/**
 * A Bloom filter over strings: `mayHold` is never false for a string that was added, and true for about 0.3 % of others.
 *
 * 12 bits and 8 probes a key (Bloom 1970; false positives ≈ (1 − e^(−8/12))^8 = 0.0031). Probe i is (h1 + i·h2) mod bits
 * (Kirsch and Mitzenmacher 2006), where h1 and h2 are FNV-1a of the UTF-8 bytes from two bases, each finalised by
 * multiply-and-shift; h2 is made odd. The bytes are the filter: bit b is bit (b & 7) of byte (b >> 3).
 */
export class Bloom {
  readonly bytes: Uint8Array;
  readonly #bits: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#bits = bytes.length * 8;
  }

  static of(keys: Iterable<string>, count: number): Bloom {
    const bloom = new Bloom(new Uint8Array(Math.max(8, Math.ceil((count * bitsPerKey) / 8))));
    for (const key of keys) bloom.#add(key);
    return bloom;
  }

  mayHold(key: string): boolean {
    return this.mayHoldHash(hashOf(key));
  }

  /** The same for a hash that was computed once and is asked of many filters. */
  mayHoldHash({ first, step }: KeyHash): boolean {
    for (let probe = 0; probe < probes; probe++) {
      const bit = ((first + Math.imul(probe, step)) >>> 0) % this.#bits;
      if (((this.bytes[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) return false;
    }
    return true;
  }

  #add(key: string): void {
    const { first, step } = hashOf(key);
    for (let probe = 0; probe < probes; probe++) {
      const bit = ((first + Math.imul(probe, step)) >>> 0) % this.#bits;
      this.bytes[bit >>> 3] = (this.bytes[bit >>> 3] ?? 0) | (1 << (bit & 7));
    }
  }
}

const bitsPerKey = 12;
const probes = 8;

export interface KeyHash {
  readonly first: number;
  readonly step: number;
}

function finalise(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

export function hashOf(key: string): KeyHash {
  let first = 0x811c9dc5;
  let step = 0x01000193;
  for (const byte of Buffer.from(key, "utf8")) {
    first = Math.imul(first ^ byte, 0x01000193);
    step = Math.imul(step ^ byte, 0x01000193);
  }
  return { first: finalise(first), step: finalise(step) | 1 };
}

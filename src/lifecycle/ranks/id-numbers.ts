import { hash } from "node:crypto";

/** Words of a fingerprint: 128 bits, so that no two ids share one. */
export const fingerprintWords = 4;

/** The first 128 bits of an id's SHA-256, into `out` at `at`. */
export function fingerprint(id: string, out: Uint32Array, at: number): void {
  const digest = hash("sha256", id, "buffer");
  for (let word = 0; word < fingerprintWords; word++) out[at + word] = digest.readUInt32LE(4 * word);
}

/**
 * Numbers ids from 0 in the order of their coming, in 24 to 32 bytes each however long they are: an open-addressing table of
 * fingerprints, at most half full.
 */
export class IdNumbers {
  readonly #prints: Uint32Array;
  /** Number + 1 of the fingerprint that lies there; 0 is free. */
  readonly #slots: Uint32Array;
  readonly #scratch = new Uint32Array(fingerprintWords);
  #count = 0;

  /** Room for `most` ids. */
  constructor(most: number) {
    this.#prints = new Uint32Array(most * fingerprintWords);
    let slots = 16;
    while (slots < 2 * most) slots *= 2;
    this.#slots = new Uint32Array(slots);
  }

  get count(): number {
    return this.#count;
  }

  /** The number of an id, which is new unless it came before. */
  add(id: string): number {
    fingerprint(id, this.#scratch, 0);
    const slot = this.#find(this.#scratch, 0);
    const known = this.#slots[slot] as number;
    if (known > 0) return known - 1;
    this.#prints.set(this.#scratch, this.#count * fingerprintWords);
    this.#slots[slot] = ++this.#count;
    return this.#count - 1;
  }

  /** The number of an id that came before; undefined for another. */
  of(id: string): number | undefined {
    fingerprint(id, this.#scratch, 0);
    return this.ofFingerprint(this.#scratch, 0);
  }

  ofFingerprint(words: Uint32Array, at: number): number | undefined {
    const known = this.#slots[this.#find(words, at)] as number;
    return known === 0 ? undefined : known - 1;
  }

  /** Where the fingerprint lies, or would. */
  #find(words: Uint32Array, at: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = (words[at] as number) & mask; ; slot = (slot + 1) & mask) {
      const known = this.#slots[slot] as number;
      if (known === 0 || this.#same((known - 1) * fingerprintWords, words, at)) return slot;
    }
  }

  #same(own: number, words: Uint32Array, at: number): boolean {
    for (let word = 0; word < fingerprintWords; word++) {
      if (this.#prints[own + word] !== words[at + word]) return false;
    }
    return true;
  }
}

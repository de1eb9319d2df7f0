import { randomBytes } from "node:crypto";

/** Randomness and fresh ids, injected: the simulation seeds it, and only this file touches the real source. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A fresh id of lower-case base-32 characters that sorts by time of creation and never repeats. */
  id(nowMs: number): string;
  /** `bytes` random bytes in hex: a writer's nonce. */
  nonce(bytes: number): string;
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

function timePart(nowMs: number): string {
  let rest = nowMs;
  let text = "";
  for (let i = 0; i < 9; i++) {
    text = (alphabet[rest % 32] ?? "") + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

export const systemRandom: Random = {
  next: () => Math.random(),
  id: (nowMs) => timePart(nowMs) + Array.from(randomBytes(12), (byte) => alphabet[byte & 31]).join(""),
  nonce: (bytes) => randomBytes(bytes).toString("hex"),
};

/** A small seeded generator (mulberry32) for things that must come out the same each time: rotations, samples. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * The leaf function that answers for a shard: always the same, so that its environments find the shard's file on their
 * disks. Highest random weight (Thaler and Ravishankar, 1998): when there is one function more, it takes its share of the
 * shards from all others, and no other shard moves.
 */
export function leafOf(shard: string, functions: number): number {
  const base = hashOf(shard);
  let best = 0;
  let most = -1;
  for (let leaf = 0; leaf < functions; leaf++) {
    const weight = mixed(base ^ Math.imul(leaf + 1, 0x9e3779b1));
    if (weight > most) [best, most] = [leaf, weight];
  }
  return best;
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}

/** Finaliser of MurmurHash3: every bit of the result depends on every bit of the number. */
function mixed(number: number): number {
  let hash = number;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

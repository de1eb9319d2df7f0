import type { ShardFailure } from "./api.ts";

/** A shard that a repair has put into quarantine: no query can know what of it would have been found. */
export const setAside = ({ id }: { readonly id: string }): ShardFailure => ({
  shard: id,
  code: "shard_quarantined",
  detail: "This shard was damaged and is set aside; its documents are missing from this answer.",
});

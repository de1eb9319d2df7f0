import { expect, test } from "vitest";
import { checkInvariants, type Manifest } from "../../src/manifest/index.ts";
import { deletes, manifest, settings, shard } from "./sample.ts";

const before = manifest({
  condemned: [
    { generation: 1, since: 1, deleting: false, atMs: 0, keys: ["shards/gone.db", "summaries/gone"], wal: [1, 5] },
  ],
});
const next = (changes: Partial<Manifest> = {}): Manifest => ({ ...before, generation: 2, ...changes });
const [a, b] = [shard("a", { deletes: deletes("a", 2, 10) }), shard("b")];

test.each<[string, Manifest]>([
  ["nothing but the generation changes", next()],
  ["a shard is added", next({ shards: [a, b, shard("c")], foldedThrough: 6 })],
  [
    "a shard is merged away and condemned",
    next({
      shards: [b],
      condemned: [
        ...before.condemned,
        { generation: 2, since: 1, deleting: false, atMs: 1, keys: [a.file.key, a.summary.key], wal: null },
      ],
    }),
  ],
  ["more rows of a shard die", next({ shards: [shard("a", { deletes: deletes("a", 3, 11) }), b] })],
  ["rows of another shard die for the first time", next({ shards: [a, shard("b", { deletes: deletes("b", 1, 1) })] })],
  [
    "every row of a shard has a vector, or none",
    next({ shards: [a, shard("b", { vectors: 100 }), shard("c", { vectors: 0 })] }),
  ],
  ["what was condemned long ago is forgotten", next({ condemned: [] })],
  ["shard_max_docs changes", next({ settings: { ...settings, shardMaxDocs: 5 } })],
])("a swap may be made when %s", (_what, after) => {
  expect(() => checkInvariants(before, after)).not.toThrow();
});

test("the first vector may fix dimensions, and the model with them", () => {
  const unfixed = manifest({ settings: { ...settings, dimensions: null } });
  expect(() => checkInvariants(unfixed, { ...unfixed, generation: 2, settings })).not.toThrow();
});

test.each<[string, Manifest, RegExp]>([
  ["the generation stays", next({ generation: 1 }), /generation must grow by one/],
  ["the generation skips one", next({ generation: 3 }), /generation must grow by one/],
  ["the incarnation is another", next({ incarnation: "two" }), /within its collection/],
  ["the tenant is another", next({ tenant: "evil" }), /within its collection/],
  ["the collection is another", next({ collection: "other" }), /within its collection/],
  ["the log is unfolded", next({ foldedThrough: 4 }), /must not go back/],
  [
    "a condemned shard comes back",
    next({ shards: [a, b, shard("gone")] }),
    /shards\/gone\.db is condemned and can't be named again/,
  ],
  [
    "a condemned shard comes back in the swap that forgets it",
    next({ shards: [a, b, shard("gone")], condemned: [] }),
    /can't be named again/,
  ],
  [
    "a shard is condemned and still named",
    next({ condemned: [{ generation: 2, since: 1, deleting: false, atMs: 1, keys: [b.summary.key], wal: null }] }),
    /summaries\/b is condemned/,
  ],
  ["a shard is named twice", next({ shards: [a, b, b] }), /named twice/],
  ["two shards share a summary", next({ shards: [a, b, shard("c", { summary: b.summary })] }), /named twice/],
  [
    "dead rows come back one by one",
    next({ shards: [shard("a", { deletes: deletes("a", 3, 9) }), b] }),
    /must not come back/,
  ],
  ["dead rows come back all at once", next({ shards: [shard("a"), b] }), /dead rows of a must not come back/],
  ["dimensions change", next({ settings: { ...settings, dimensions: 16 } }), /are fixed/],
  ["dimensions are unfixed", next({ settings: { ...settings, dimensions: null } }), /are fixed/],
  ["the distance changes", next({ settings: { ...settings, distance: "l2" } }), /are fixed/],
  ["the model changes", next({ settings: { ...settings, embeddingModel: "local" } }), /are fixed/],
  ["a shard has more vectors than documents", next({ shards: [a, shard("b", { vectors: 101 })] }), /counts of b/],
  [
    "a shard has more dead rows than documents",
    next({ shards: [a, shard("b", { deletes: deletes("b", 1, 101) })] }),
    /counts of b/,
  ],
  ["a shard has no documents", next({ shards: [a, shard("b", { documents: 0, vectors: 0 })] }), /counts of b/],
])("a swap is refused when %s", (_what, after, said) => {
  const refused = expect.objectContaining({
    kind: "internal",
    code: "invariant_broken",
    hint: expect.stringMatching(said),
  });
  expect(() => checkInvariants(before, after)).toThrow(refused);
});

test("a collection without vectors may not change its distance either", () => {
  const unfixed = manifest({ settings: { ...settings, dimensions: null } });
  const after = { ...unfixed, generation: 2, settings: { ...settings, distance: "dot" as const } };
  expect(() => checkInvariants(unfixed, after)).toThrow(expect.objectContaining({ code: "invariant_broken" }));
});

import { MosaicError } from "../base/index.ts";
import { liveKeys, type Manifest } from "./manifest.ts";

/** A rule that every swap must keep. Returns what is wrong, or undefined. */
export type Invariant = (before: Manifest, after: Manifest) => string | undefined;

const generationGrows: Invariant = (before, after) =>
  after.generation === before.generation + 1 ? undefined : "the generation must grow by one";

const sameCollection: Invariant = (before, after) =>
  before.incarnation === after.incarnation && before.tenant === after.tenant && before.collection === after.collection
    ? undefined
    : "a swap must stay within its collection";

const foldNeverGoesBack: Invariant = (before, after) =>
  after.foldedThrough >= before.foldedThrough ? undefined : "foldedThrough must not go back";

/** A key that was condemned may already be gone: naming it again would bring a slept writer's object back. */
const nothingCondemnedReturns: Invariant = (before, after) => {
  const condemned = new Set([...before.condemned, ...after.condemned].flatMap(({ keys }) => keys));
  const risen = liveKeys(after).find((key) => condemned.has(key));
  return risen === undefined ? undefined : `${risen} is condemned and can't be named again`;
};

const everyKeyOnce: Invariant = (_before, after) => {
  const keys = liveKeys(after);
  return new Set(keys).size === keys.length ? undefined : "a key is named twice";
};

const deletesOnlyGrow: Invariant = (before, after) => {
  const was = new Map(before.shards.map((shard) => [shard.id, shard]));
  const shrunk = after.shards.find((shard) => {
    const old = was.get(shard.id)?.deletes;
    return old != null && (shard.deletes === null || shard.deletes.count < old.count);
  });
  return shrunk === undefined ? undefined : `the dead rows of ${shrunk.id} must not come back`;
};

const dimensionsStay: Invariant = (before, after) => {
  const { dimensions, distance, embeddingModel } = before.settings;
  const same =
    (dimensions === null || dimensions === after.settings.dimensions) &&
    distance === after.settings.distance &&
    (dimensions === null || embeddingModel === after.settings.embeddingModel);
  return same ? undefined : "dimensions, distance and model of a collection are fixed";
};

const countsAreSane: Invariant = (_before, after) => {
  const odd = after.shards.find(
    ({ documents, vectors, deletes }) => vectors > documents || (deletes?.count ?? 0) > documents || documents < 1,
  );
  return odd === undefined ? undefined : `the counts of ${odd.id} contradict each other`;
};

const always: readonly Invariant[] = [
  generationGrows,
  sameCollection,
  foldNeverGoesBack,
  nothingCondemnedReturns,
  everyKeyOnce,
  deletesOnlyGrow,
  dimensionsStay,
  countsAreSane,
];

/** Throws `internal` when a swap would break a rule: a bug must stop here, before it is durable. */
export function checkInvariants(before: Manifest, after: Manifest): void {
  for (const invariant of always) {
    const broken = invariant(before, after);
    if (broken !== undefined) {
      throw new MosaicError("internal", "swap manifest", { code: "invariant_broken", hint: broken });
    }
  }
}

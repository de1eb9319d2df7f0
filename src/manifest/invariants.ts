import { MosaicError } from "../base/index.ts";
import { liveKeys, type Manifest, quarantinedKeys } from "./manifest.ts";

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
  return risenFrom(condemned, after);
};

/** What a swap has marked as being deleted may be gone; everything else that is condemned is certainly there. */
const nothingDeletedReturns: Invariant = (before, after) => {
  const deleting = before.condemned.filter((one) => one.deleting).flatMap(({ keys }) => keys);
  const condemned = after.condemned.flatMap(({ keys }) => keys);
  return risenFrom(new Set([...deleting, ...condemned]), after);
};

const risenFrom = (condemned: ReadonlySet<string>, after: Manifest): string | undefined => {
  const risen = liveKeys(after).find((key) => condemned.has(key));
  return risen === undefined ? undefined : `${risen} is condemned and can't be named again`;
};

const everyKeyOnce: Invariant = (_before, after) => {
  const keys = [...liveKeys(after), ...quarantinedKeys(after)];
  return new Set(keys).size === keys.length ? undefined : "a key is named twice";
};

/** The same object says the same: another count of it is a correction. */
const deletesOnlyGrow: Invariant = (before, after) => {
  const was = new Map(before.shards.map((shard) => [shard.id, shard]));
  const shrunk = after.shards.find(({ id, deletes }) => {
    const old = was.get(id)?.deletes;
    return old != null && (deletes === null || (deletes.key !== old.key && deletes.count < old.count));
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

/** Queries skip a shard by its range of ranks. */
const ranksAreInRange: Invariant = (_before, after) => {
  const odd = after.shards.find(({ ranks }) => ranks !== undefined && !(ranks.min >= 0 && ranks.min <= ranks.max));
  return odd === undefined ? undefined : `the ranks of ${odd.id} have no range`;
};

const fenceHolds: Invariant = (before, after) =>
  after.fence >= before.fence ? undefined : "a later compaction has taken over";

const onlyCondemnedIsDeleted: Invariant = (before, after) => {
  const known = new Set(before.condemned.map(({ generation }) => generation));
  const early = after.condemned.find((one) => one.deleting && !known.has(one.generation));
  return early === undefined ? undefined : "objects are condemned a generation before they are deleted";
};

const nothingBranchedIsDeleted: Invariant = (_before, after) => {
  const used = new Set(after.branches.flatMap(({ keys }) => keys));
  const lost = after.condemned.filter((one) => one.deleting).flatMap(({ keys }) => keys.filter((key) => used.has(key)));
  return lost.length === 0 ? undefined : `${lost[0]} is used by a branch`;
};

/** What is left of a damaged shard may still be of use to who repairs by hand. */
const nothingQuarantinedIsCondemned: Invariant = (_before, after) => {
  const kept = new Set(quarantinedKeys(after));
  const lost = after.condemned.flatMap(({ keys }) => keys).find((key) => kept.has(key));
  return lost === undefined ? undefined : `${lost} is quarantined and can't be condemned`;
};

const quarantinedStays: Invariant = (before, after) => {
  const kept = new Set(after.quarantined.map(({ id }) => id));
  const lost = after.deleted ? undefined : before.quarantined.find(({ id }) => !kept.has(id));
  return lost === undefined ? undefined : `${lost.id} is quarantined and can't be forgotten`;
};

const deletedStays: Invariant = (before) => (before.deleted ? "the collection is deleted" : undefined);

const always: readonly Invariant[] = [
  generationGrows,
  sameCollection,
  foldNeverGoesBack,
  nothingDeletedReturns,
  everyKeyOnce,
  dimensionsStay,
  countsAreSane,
  ranksAreInRange,
  fenceHolds,
  onlyCondemnedIsDeleted,
  nothingBranchedIsDeleted,
  nothingQuarantinedIsCondemned,
  deletedStays,
];

/** What holds for every swap but a rollback, which brings an older generation back. */
const forward: readonly Invariant[] = [nothingCondemnedReturns, deletesOnlyGrow, quarantinedStays];

export interface SwapKind {
  readonly rollback: boolean;
}

/** Throws `internal` when a swap would break a rule: a bug must stop here, before it is durable. */
export function checkInvariants(before: Manifest, after: Manifest, { rollback }: SwapKind = { rollback: false }): void {
  for (const invariant of rollback ? always : [...always, ...forward]) {
    const broken = invariant(before, after);
    if (broken !== undefined) {
      throw new MosaicError("internal", "swap manifest", { code: "invariant_broken", hint: broken });
    }
  }
}

import type { World } from "./world.ts";

/** What clients do, and how often. */
const always = [
  ["put", 3],
  ["putMany", 1],
  ["patch", 2],
  ["delete", 1],
  ["read", 2],
  ["get", 1],
  ["past", 1],
  ["fold", 1],
  ["compact", 1],
  ["gc", 1],
] as const;

/** What they do in some histories only, and in how many: what is rare would else be lost among all the rest, or undo it. */
const sometimes = [
  { deeds: ["branch", "readBranch"], share: 0.7 },
  { deeds: ["archive", "archiveOld", "restore"], share: 0.6 },
  { deeds: ["rank"], share: 0.5 },
  { deeds: ["rollback"], share: 0.3 },
  { deeds: ["drop"], share: 0.25 },
] as const;

export type Deed = (typeof always)[number][0] | (typeof sometimes)[number]["deeds"][number];

/** The deeds of one history, each as often as it is to be done. */
export function deedsOf(world: World): readonly Deed[] {
  const often = always.flatMap(([deed, times]) => Array.from({ length: times }, () => deed));
  const rare = sometimes.filter(({ share }) => world.chance(share)).flatMap(({ deeds }) => [...deeds]);
  // A collection that has branches can't be deleted.
  const drops = rare.includes("drop") && world.chance(0.8);
  return [...often, ...rare.filter((deed) => !(drops && deed.endsWith("ranch")))];
}

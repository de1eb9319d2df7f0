/** A promise that was broken. */
export class Violation extends Error {}

export const violated = (what: string): never => {
  throw new Violation(what);
};

/** Which results a condition may have on the rows of a shard: true, false, NULL. A superset of what it has. */
export interface Outcomes {
  readonly yes: boolean;
  readonly no: boolean;
  readonly null: boolean;
}

export const anything: Outcomes = { yes: true, no: true, null: true };
export const onlyNull: Outcomes = { yes: false, no: false, null: true };

export const negated = ({ yes, no, null: unknown }: Outcomes): Outcomes => ({ yes: no, no: yes, null: unknown });

/** SQL's AND: false beats NULL beats true. */
export const conjunction = (a: Outcomes, b: Outcomes): Outcomes => ({
  yes: a.yes && b.yes,
  no: a.no || b.no,
  null: (a.null && (b.null || b.yes)) || (b.null && (a.null || a.yes)),
});

export const disjunction = (a: Outcomes, b: Outcomes): Outcomes => negated(conjunction(negated(a), negated(b)));

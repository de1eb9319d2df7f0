/** The comparison with its sides exchanged, by the parser's names of both. */
export const mirrored: Readonly<Record<string, string>> = {
  Equals: "Equals",
  NotEquals: "NotEquals",
  Is: "Is",
  IsNot: "IsNot",
  Less: "Greater",
  LessEquals: "GreaterEquals",
  Greater: "Less",
  GreaterEquals: "LessEquals",
};

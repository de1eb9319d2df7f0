/** What a statement may be. What it may use while it runs is in process/limits.ts. */
export interface StatementLimits {
  readonly maxBytes: number;
  /** Levels of the tree; SQLite itself ends at 1000 levels of an expression. */
  readonly maxDepth: number;
  readonly maxParameters: number;
}

export const statementLimits: StatementLimits = { maxBytes: 128 * 1024, maxDepth: 1000, maxParameters: 32_766 };

/** A function as the local Lambda runs it. */
export interface FunctionSpec {
  readonly name: string;
  /** Holds what would be uploaded. */
  readonly folder: string;
  /** `file.export`, relative to the folder. */
  readonly handler: string;
  readonly memoryMb: number;
  readonly timeoutS: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Environments that may run at once; without it as many as the account has. */
  readonly reservedConcurrency?: number;
}

/** What AWS documents as the limits of a call, in bytes. */
export const limits = {
  /** Request or answer of a call that waits. */
  syncBytes: 6_291_556,
  /** Request of a call that doesn't wait. */
  eventBytes: 1_048_576,
  /** Body that API Gateway takes. */
  gatewayBytes: 10_485_760,
  gatewayMs: 30_000,
} as const;

/** How a call of a leaf function ended. */
export type InvokeOutcome =
  | { readonly kind: "answer"; readonly text: string }
  /** It was not run: too many run already. */
  | { readonly kind: "throttled" }
  /** It ran and did not answer (killed, out of memory, out of time, a fault), or could not be reached. */
  | { readonly kind: "failed"; readonly reason: string };

/** Calls leaf functions by number, from 0. Never rejects. */
export interface Invoker {
  invoke(leaf: number, text: string): Promise<InvokeOutcome>;
}

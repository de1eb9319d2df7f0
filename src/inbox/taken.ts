/** What became of a file just now. */
export type Taken =
  | {
      readonly status: "processed" | "failed";
      readonly key: string;
      readonly target: string;
      readonly accepted: number;
      readonly refused: number;
    }
  /** Time was up: the next one goes on where this one stopped. */
  | { readonly status: "paused"; readonly key: string; readonly accepted: number }
  /** Nothing to do: there is no such file any more, another reader has it, or it is none. */
  | { readonly status: "gone" | "held" | "ignored"; readonly key: string };

import type { Clock } from "../../base/index.ts";

/** Calls `beat` again and again, never twice at once, until the returned function is called. A beat that fails is made up by the next. */
export function heartbeat(clock: Clock, everyMs: number, beat: () => Promise<void>): () => void {
  let ended = false;
  let cancel: () => void = () => undefined;
  const wait = (): void => {
    if (ended) return;
    cancel = clock.schedule(everyMs, () => {
      beat().then(wait, wait);
    });
  };
  wait();
  return () => {
    ended = true;
    cancel();
  };
}

import { AsyncLocalStorage } from "node:async_hooks";
import { MosaicError } from "./errors.ts";

const current = new AsyncLocalStorage<AbortSignal>();

/** Runs `task` for somebody who may go away before it is done: then `signal` aborts, and nothing more is begun for them. */
export const whileAsked = <T>(signal: AbortSignal, task: () => T): T => current.run(signal, task);

/** Throws `unavailable` (client_gone) when whoever asked for what runs here has gone. */
export function stillAsked(): void {
  if (current.getStore()?.aborted === true) throw clientGone();
}

/** Calls `leave` when whoever asked goes away; returns a function that ends the watch. */
export function onAskerGone(leave: (error: MosaicError) => void): () => void {
  const signal = current.getStore();
  const left = (): void => leave(clientGone());
  signal?.addEventListener("abort", left, { once: true });
  return () => signal?.removeEventListener("abort", left);
}

const clientGone = (): MosaicError =>
  new MosaicError("unavailable", "answer a request", {
    code: "client_gone",
    detail: "The client went away before its answer was there.",
  });

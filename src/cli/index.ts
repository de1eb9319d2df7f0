/**
 * cli: Mosaic at a prompt.
 * Answers: which command was meant, with which options; shows what came of it and how far it is.
 * Owns: the process: its streams, signals and exit code.
 * Never: does anything that the engine does not offer to others too.
 */
export { run } from "./run.ts";

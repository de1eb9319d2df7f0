import fc from "fast-check";

/**
 * Properties are tried with the same values on every run, so that a change fails by what it changed; `SEED=7 npm test` tries
 * others. A failure prints the seed and the path to it.
 */
const seed = Number(process.env["SEED"] ?? 20_261_130);
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });

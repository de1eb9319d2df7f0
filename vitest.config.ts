import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Folders that take minutes: each is a project with a script of its own, and no part of `npm test`. */
const long = ["crash"];
const filesOf = (name: string): string => `test/${name}/**/*.test.ts`;

export default defineConfig({
  test: {
    pool: "forks",
    // Files side by side, also on a machine of two cores, where the default is one after the other.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ["default"],
    projects: [
      { extends: true, test: { name: "suite", include: ["test/**/*.test.ts"], exclude: long.map(filesOf) } },
      ...long.map((name) => ({ extends: true as const, test: { name, include: [filesOf(name)] } })),
    ],
  },
});

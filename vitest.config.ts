import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** What takes minutes is a project with a script of its own, and no part of `npm test`: these folders, and single files. */
const long = ["crash", "cloud", "sst"];
const longFiles = "test/**/*.long.test.ts";
const filesOf = (name: string): string => `test/${name}/**/*.test.ts`;

/** The tests of the HTTP API once more, with a function behind a gateway in place of a server. */
const gateway = {
  name: "gateway",
  include: ["test/http/**/*.test.ts"],
  // Of these each is about the server itself, or the documents that it brings along.
  exclude: ["test/http/serve.test.ts", "test/http/docs.test.ts", "test/http/problem-list.test.ts"],
  env: { MOSAIC_TEST_TARGET: "gateway" },
  globalSetup: ["test/http/support/build-function.ts"],
};

/** What one of them needs beside its files. */
const more: Readonly<Record<string, object>> = {
  cloud: { globalSetup: ["test/cloud/support/build.ts"] },
  sst: { globalSetup: ["test/sst/support/platform.ts"] },
};

export default defineConfig({
  test: {
    setupFiles: ["test/support/seed.ts"],
    pool: "forks",
    // Files side by side, also on a machine of two cores, where the default is one after the other.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Limits for what hangs. No test is about time, so they are far from what a busy machine takes.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    // The gate runs a failed test once more, and names it: a machine that stalls for a minute fails no change.
    retry: process.env["CI"] === undefined ? 0 : 1,
    reporters: ["default"],
    projects: [
      {
        extends: true,
        test: { name: "suite", include: ["test/**/*.test.ts"], exclude: [longFiles, ...long.map(filesOf)] },
      },
      { extends: true, test: { name: "long", include: [longFiles] } },
      ...long.map((name) => ({ extends: true as const, test: { name, include: [filesOf(name)], ...more[name] } })),
      { extends: true, test: gateway },
    ],
  },
});

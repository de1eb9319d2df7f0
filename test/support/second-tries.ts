import { appendFileSync } from "node:fs";
import type { Reporter, TestCase } from "vitest/node";

/** Names tests that failed and then passed: into the file `SECOND_TRIES`, a line each, with what the first try said. */
export default class SecondTries implements Reporter {
  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky !== true) return;
    const file = process.env["SECOND_TRIES"];
    const [first] = test.result().errors ?? [];
    const line = `${test.module.relativeModuleId} > ${test.fullName}: ${(first?.message ?? "").split("\n", 1)[0] ?? ""}\n`;
    if (file === undefined) process.stderr.write(`needed a second try: ${line}`);
    else appendFileSync(file, line);
  }
}

import { appendFileSync } from "node:fs";
import type { Reporter, TestCase, TestModule } from "vitest/node";

type Unhandled = Parameters<NonNullable<Reporter["onTestRunEnd"]>>[1];

/**
 * What the gate has to know beside counts: tests that failed and then passed go into the file `SECOND_TRIES`, a line each
 * with what the first try said, and errors that belong to no test, such as a process that crashed, into `UNHANDLED`.
 */
export default class SecondTries implements Reporter {
  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky !== true) return;
    const [first] = test.result().errors ?? [];
    note("SECOND_TRIES", `${test.module.relativeModuleId} > ${test.fullName}: ${firstLine(first?.message)}`);
  }

  onTestRunEnd(_modules: readonly TestModule[], errors: Unhandled): void {
    for (const { message, cause } of errors) note("UNHANDLED", `${firstLine(message)} ${firstLine(messageOf(cause))}`);
  }
}

const firstLine = (text = ""): string => text.split("\n", 1)[0] ?? "";
const messageOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "message" in cause ? String(cause.message) : "";

function note(variable: string, line: string): void {
  const file = process.env[variable];
  if (file === undefined) process.stderr.write(`${variable}: ${line}\n`);
  else appendFileSync(file, `${line}\n`);
}

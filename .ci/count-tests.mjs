// count-tests REPORT FAILURES: prints "passed failed skipped" of a vitest JSON report, and adds what failed to FAILURES.
import { appendFileSync, readFileSync } from "node:fs";
import { relative } from "node:path";

const [report, failures] = process.argv.slice(2);
const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(report, "utf8"));
const named = testResults.flatMap(({ name, status, assertionResults }) => {
  const file = relative(process.cwd(), name);
  const tests = assertionResults.filter((test) => test.status === "failed");
  // A file that can't be loaded, or whose hooks fail, may have no failed test.
  if (tests.length === 0) return status === "failed" ? [`file: ${file}`] : [];
  return tests.map(({ fullName }) => `test: ${file} > ${fullName}`);
});
if (named.length > 0) appendFileSync(failures, `${named.join("\n")}\n`);
process.stdout.write(`${numPassedTests} ${numFailedTests} ${numPendingTests}\n`);

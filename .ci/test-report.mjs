// Reads vitest's JSON reports.
//   test-report crashed REPORT            prints the files that failed although no test of theirs did
//   test-report count FAILURES REPORT...  prints "passed failed skipped", and adds what failed to FAILURES; what a later
//                                         report says of a file holds
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";

/** A file that can't be loaded, whose hooks fail, or whose process ends in the middle may have no failed test. */
const crashed = ({ status, assertionResults }) => status === "failed" && of(assertionResults, "failed").length === 0;
const of = (tests, ...statuses) => tests.filter((test) => statuses.includes(test.status));
const filesOf = (report) => JSON.parse(readFileSync(report, "utf8")).testResults;
const here = ({ name }) => relative(process.cwd(), name);

function printCrashed(report) {
  process.stdout.write(filesOf(report).filter(crashed).map(here).join(" "));
}

function count(failures, reports) {
  const [first, ...later] = reports.filter((report) => existsSync(report)).map(filesOf);
  const again = new Map(later.flat().map((file) => [file.name, file]));
  const files = first.map((file) => (crashed(file) ? (again.get(file.name) ?? file) : file));
  const named = files.flatMap((file) => {
    if (crashed(file)) return [`file: ${here(file)}`];
    return of(file.assertionResults, "failed").map(({ fullName }) => `test: ${here(file)} > ${fullName}`);
  });
  if (named.length > 0) appendFileSync(failures, `${named.join("\n")}\n`);
  const tests = files.flatMap(({ assertionResults }) => assertionResults);
  const counts = [of(tests, "passed").length, named.length, of(tests, "skipped", "pending", "todo", "disabled").length];
  process.stdout.write(`${counts.join(" ")}\n`);
}

const [command, ...files] = process.argv.slice(2);
if (command === "crashed") printCrashed(files[0]);
else count(files[0], files.slice(1));

import { execFileSync } from "node:child_process";
import { architecture } from "./table.ts";

/** Makes the packages anew, so that what is uploaded is this tree and never what an earlier build left. */
export function buildBundles(root: string): void {
  execFileSync("npm", ["run", "--silent", "build:functions", "--", "--arch", architecture], {
    cwd: root,
    // Standard output belongs to `sst`.
    stdio: ["ignore", "ignore", "inherit"],
  });
}

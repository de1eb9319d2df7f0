#!/usr/bin/env node
import { Output } from "./output.ts";
import { run } from "./run.ts";

const version = Number(process.versions.node.split(".")[0]);
if (version < 24) {
  process.stderr.write(`mosaic: Node 24 or newer is needed, this is ${process.versions.node}\n`);
  process.exit(1);
}
// Whoever read our output has enough: there is nothing left to do, and nothing to complain about.
const output = new Output(process.stdout, process.stderr, () => process.exit(0));
process.exitCode = await run(process.argv.slice(2), output, process.stdin);

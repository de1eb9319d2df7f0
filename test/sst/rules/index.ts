/** What must hold of a deployment. A rule returns what is wrong, in words, and nothing when all is well. */
import type { Deployed } from "../support/mock-run.ts";
import * as cost from "./cost.ts";
import { deployerMay } from "./deployer.ts";
import * as events from "./events.ts";
import * as functions from "./functions.ts";
import { order } from "./order.ts";
import * as rights from "./rights.ts";
import * as storage from "./storage.ts";

export type Rule = (deployed: Deployed) => readonly string[];

export const rules = { ...rights, ...functions, ...storage, ...events, ...cost, deployerMay, order } satisfies Record<
  string,
  Rule
>;
export type RuleName = keyof typeof rules;

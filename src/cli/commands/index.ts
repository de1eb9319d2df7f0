import type { Command } from "../command.ts";
import { archive, restore } from "./archive.ts";
import { branch, rollback } from "./branch.ts";
import { collections } from "./collections.ts";
import { compact } from "./compact.ts";
import { deleteDocument } from "./delete.ts";
import { gc } from "./gc.ts";
import { get } from "./get.ts";
import { inbox } from "./inbox.ts";
import { ingest } from "./ingest.ts";
import { job } from "./job.ts";
import { keys } from "./keys.ts";
import { maintain } from "./maintain.ts";
import { pagerank } from "./pagerank.ts";
import { search } from "./search.ts";
import { serve } from "./serve.ts";
import { sql } from "./sql.ts";
import { stats } from "./stats.ts";
import { verify } from "./verify.ts";

export const commands: readonly Command[] = [
  serve,
  ingest,
  inbox,
  search,
  sql,
  get,
  deleteDocument,
  collections,
  stats,
  compact,
  archive,
  restore,
  pagerank,
  job,
  branch,
  rollback,
  gc,
  maintain,
  verify,
  keys,
];

/**
 * Answers: which resources are a deployment of Mosaic on AWS?
 * Owns: their making, from the table (`table.ts`) and what the operator chose (`options.ts`).
 * Never: numbers, rights or settings of its own.
 */
import { createAlarms } from "./alarms.ts";
import { createApi } from "./api.ts";
import { buildBundles } from "./bundles.ts";
import { connectInbox, createQueues, subscribe } from "./events.ts";
import { createFunctions } from "./functions.ts";
import type { Options } from "./options.ts";
import { outputsOf } from "./outputs.ts";
import { createSchedule } from "./schedule.ts";
import { createStorage } from "./storage.ts";

export function deploy(options: Options) {
  buildBundles($cli.paths.root);
  const files = createStorage(options);
  const queues = createQueues();
  connectInbox(files, queues.inbox);
  const deployment = createFunctions({ options, files, queues });
  subscribe(queues.inbox, deployment.ingest);
  createSchedule(deployment.maintain, options);
  const gateway = createApi(deployment.api, options);
  const alarmTopic = createAlarms({ options, deployment, queues, gateway });
  return outputsOf({ options, files, queues, deployment, gateway, alarmTopic });
}

import type { Queues } from "./events.ts";
import type { Deployment } from "./functions.ts";
import type { Options } from "./options.ts";

interface Made {
  readonly options: Options;
  readonly files: sst.aws.Bucket;
  readonly queues: Queues;
  readonly deployment: Deployment;
  readonly gateway: sst.aws.ApiGatewayV2;
  readonly alarmTopic: $util.Output<string> | undefined;
}

/** What `sst deploy` prints, and what the commands in docs/deployment/aws.md and docs/guides/operations.md need. */
export const outputsOf = ({ options, files, queues, deployment, gateway, alarmTopic }: Made) => ({
  api: gateway.url,
  stream: deployment.stream.url,
  storage: $interpolate`s3://${files.name}`,
  queue: queues.inbox.url,
  deadLetters: queues.deadLetters.url,
  accessLog: gateway.nodes.logGroup.name,
  region: options.region,
  ...(alarmTopic !== undefined && { alarmTopic }),
});

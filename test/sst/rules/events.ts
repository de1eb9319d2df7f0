import { functions, inbox, schedule } from "../../../infra/table.ts";
import { differs, ofType, onlyOne } from "../support/account.ts";
import type { Deployed, Resource } from "../support/mock-run.ts";

const arn = (service: string, rest: string): string => `arn:aws:${service}:us-east-1:123456789012:${rest}`;

function queues(deployed: Deployed): { readonly inbox: Resource | undefined; readonly dead: Resource | undefined } {
  const all = ofType(deployed, "sqs/queue");
  const find = (name: string) => all.find((queue) => queue.name === name);
  return { inbox: find("InboxQueue"), dead: find("DeadLettersQueue") };
}

/** Files below `inbox/`, and only those, are told to the queue, by S3, and only for this bucket. */
export function inboxTells(deployed: Deployed): readonly string[] {
  const { inbox: queue } = queues(deployed);
  const files = onlyOne(deployed, "s3/bucket");
  const notification = onlyOne(deployed, "s3/bucketNotification")?.inputs;
  const policy = JSON.parse(onlyOne(deployed, "sqs/queuePolicy")?.inputs.policy ?? "{}");
  return [
    ...differs("notifications", notification?.queues, [
      { events: inbox.events, filterPrefix: inbox.prefix, id: "inbox", queueArn: arn("sqs", queue?.inputs.name) },
    ]),
    ...differs("others that are told", [notification?.lambdaFunctions ?? [], notification?.topics ?? []], [[], []]),
    ...differs("who may send", policy.Statement, [
      {
        Effect: "Allow",
        Action: "sqs:SendMessage",
        Principal: { Service: "s3.amazonaws.com" },
        Resource: arn("sqs", queue?.inputs.name),
        Condition: {
          ArnEquals: { "aws:SourceArn": `arn:aws:s3:::${files?.inputs.bucket}` },
          StringEquals: { "aws:SourceAccount": "123456789012" },
        },
      },
    ]),
  ];
}

/** A message comes back only after its run is over, and goes to the dead letters instead of being lost. */
export function nothingLost(deployed: Deployed): readonly string[] {
  const { inbox: queue, dead } = queues(deployed);
  const visible = queue?.inputs.visibilityTimeoutSeconds as number;
  return [
    ...(visible >= 6 * functions.ingest.timeoutSeconds ? [] : [`messages come back after ${visible} s`]),
    // SQS keeps nothing invisible for longer than twelve hours.
    ...(visible <= 12 * 3600 ? [] : [`messages can't be invisible for ${visible} s`]),
    ...differs("what follows", JSON.parse(queue?.inputs.redrivePolicy ?? "{}"), {
      deadLetterTargetArn: arn("sqs", dead?.inputs.name),
      maxReceiveCount: inbox.maxReceiveCount,
    }),
    ...[queue, dead].flatMap((one) => [
      ...differs(`${one?.name} keeps`, one?.inputs.messageRetentionSeconds, inbox.retentionSeconds),
      ...differs(`${one?.name} is encrypted`, one?.inputs.sqsManagedSseEnabled, true),
    ]),
  ];
}

/** `ingest` takes messages by the batch and gives back those that failed. */
export function ingestSubscribes(deployed: Deployed): readonly string[] {
  const { inbox: queue } = queues(deployed);
  const mapping = onlyOne(deployed, "lambda/eventSourceMapping")?.inputs;
  return [
    ...differs("the source", mapping?.eventSourceArn, arn("sqs", queue?.inputs.name)),
    ...differs("the function", mapping?.functionName, arn("lambda", `function:mosaic-${deployed.stage}-ingest`)),
    ...differs("the batch", mapping?.batchSize, inbox.batchSize),
    ...differs("runs at once", mapping?.scalingConfig?.maximumConcurrency, inbox.maxConcurrency),
    ...differs("answers", mapping?.functionResponseTypes, ["ReportBatchItemFailures"]),
    ...differs("it is on", mapping?.enabled ?? true, true),
  ];
}

/** `maintain` runs by the clock, and a failed run waits for the next tick. */
export function maintenanceTicks(deployed: Deployed): readonly string[] {
  const made = onlyOne(deployed, "scheduler/schedule")?.inputs;
  const retries = onlyOne(deployed, "lambda/functionEventInvokeConfig")?.inputs;
  return [
    ...differs("the rate", made?.scheduleExpression, `rate(${schedule.everyMinutes} minutes)`),
    ...differs("the state", made?.state, "ENABLED"),
    ...differs("the function", made?.target.arn, arn("lambda", `function:mosaic-${deployed.stage}-maintain`)),
    ...differs("tries again", [made?.target.retryPolicy.maximumRetryAttempts, retries?.maximumRetryAttempts], [0, 0]),
  ];
}

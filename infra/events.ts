import { inbox } from "./table.ts";

export interface Queues {
  readonly inbox: sst.aws.Queue;
  readonly deadLetters: sst.aws.Queue;
}

/** `inbox/…` → message → ingest; what fails again and again waits in `deadLetters`. */
export function createQueues(): Queues {
  const kept = (args: aws.sqs.QueueArgs): undefined => {
    args.messageRetentionSeconds = inbox.retentionSeconds;
    args.sqsManagedSseEnabled = true;
  };
  const deadLetters = new sst.aws.Queue("DeadLetters", { transform: { queue: kept } });
  return {
    deadLetters,
    inbox: new sst.aws.Queue("Inbox", {
      visibilityTimeout: `${inbox.visibilitySeconds} seconds`,
      dlq: { queue: deadLetters.arn, retry: inbox.maxReceiveCount },
      transform: { queue: kept },
    }),
  };
}

/**
 * S3 may write into the queue, and only for this bucket. SST's own notification would let any topic, bucket and rule of
 * anybody in.
 */
export function connectInbox(files: sst.aws.Bucket, queue: sst.aws.Queue): void {
  const policy = new aws.sqs.QueuePolicy("InboxPolicy", {
    queueUrl: queue.url,
    policy: $jsonStringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Action: "sqs:SendMessage",
          Principal: { Service: "s3.amazonaws.com" },
          Resource: queue.arn,
          Condition: {
            ArnEquals: { "aws:SourceArn": files.arn },
            StringEquals: { "aws:SourceAccount": aws.getCallerIdentityOutput().accountId },
          },
        },
      ],
    }),
  });
  new aws.s3.BucketNotification(
    "FilesNotification",
    {
      bucket: files.name,
      queues: [{ id: "inbox", queueArn: queue.arn, events: [...inbox.events], filterPrefix: inbox.prefix }],
    },
    { dependsOn: [policy] },
  );
}

export function subscribe(queue: sst.aws.Queue, ingest: sst.aws.Function): void {
  new aws.lambda.EventSourceMapping("InboxMapping", {
    eventSourceArn: queue.arn,
    functionName: ingest.arn,
    batchSize: inbox.batchSize,
    scalingConfig: { maximumConcurrency: inbox.maxConcurrency },
    functionResponseTypes: inbox.partialFailures ? ["ReportBatchItemFailures"] : [],
  });
}

import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import { type FunctionName, inbox, leafFunctions as leafCounts, schedule } from "../table.ts";
import { functionUrl } from "./gateway/function-url.ts";
import { httpApi } from "./gateway/http-api.ts";
import type { FunctionSpec } from "./lambda/function-spec.ts";
import type { InvocationReport, Invoked } from "./lambda/invocation.ts";
import { invokeApi } from "./lambda/invoke-api.ts";
import { LocalLambda } from "./lambda/local-lambda.ts";
import { localFunctions, localName } from "./local-functions.ts";
import { notificationOf } from "./object-event.ts";
import { LocalQueue, type QueueRecord } from "./queue.ts";
import { queueApi } from "./queue-api.ts";
import { accessKeyOf, rightsOfFunctions } from "./s3/rights.ts";
import { type ObjectEvent, type S3Server, s3Credentials, startS3Server } from "./s3/s3-server.ts";
import { type Served, serveLocally } from "./serving.ts";

export interface CloudOptions {
  /** Folder of each function's package, by name; a function without one does not exist. */
  readonly folders: ReadonlyMap<string, string>;
  /** Where documents are kept, if not in an S3 server of the cloud's own. Then nothing tells of files in the inbox. */
  readonly storagePath?: string;
  readonly leafFunctions?: number;
  readonly environment?: Readonly<Record<string, string>>;
  /** What a test wants otherwise of a function. */
  readonly adjust?: (spec: FunctionSpec) => FunctionSpec;
  /** Calls that run at once in the account. */
  readonly accountConcurrency?: number;
  /** A message that failed comes back after so long. */
  readonly retryMs?: number;
  readonly ports?: { readonly gateway?: number; readonly stream?: number; readonly s3?: number };
  /** Told of what a function was refused: its role may not. Without it rights are not looked at, and nothing is slower. */
  readonly onDenied?: (what: string) => void;
  readonly onLog?: (functionName: string, text: string) => void;
  readonly onReport?: (report: InvocationReport) => void;
}

export interface LocalCloud {
  /** The HTTP API, and the function URL that streams. */
  readonly url: string;
  readonly streamUrl: string;
  readonly invokeUrl: string;
  readonly storagePath: string;
  /** Undefined when documents are kept elsewhere. */
  readonly s3: S3Server | undefined;
  readonly lambda: LocalLambda;
  readonly queue: LocalQueue;
  /** Calls a function as an event source would: a schedule, say. */
  invoke(name: FunctionName, event: unknown): Promise<Invoked>;
  close(): Promise<void>;
}

const bucketName = "mosaic-local";

/** Everything that Mosaic uses of AWS, on loopback. What has begun ends again when the rest can't. */
export async function startCloud(options: CloudOptions): Promise<LocalCloud> {
  const begun: Ends = [];
  try {
    return await begin(options, begun);
  } catch (error) {
    await endAll(begun);
    throw error;
  }
}

/** What ends the parts of a cloud, in the order in which they began. */
type Ends = (() => Promise<void> | void)[];

async function endAll(begun: Ends): Promise<void> {
  for (const end of begun.toReversed()) await end();
}

async function begin(options: CloudOptions, begun: Ends): Promise<LocalCloud> {
  const serve = async (server: Server, port?: number): Promise<Served> => {
    const served = await serveLocally(server, port);
    begun.push(() => served.close());
    return served;
  };
  let sequence = 0;
  const onEvent = (event: ObjectEvent): void => {
    const kind = event.event.split(":")[0] ?? "";
    const wanted = inbox.events.some((name) => name.startsWith(`s3:${kind}:`));
    if (wanted && event.key.startsWith(inbox.prefix)) queue.send(notificationOf(event, ++sequence));
  };
  const s3 = options.storagePath === undefined ? await startS3Server({ port: options.ports?.s3, onEvent }) : undefined;
  if (s3 !== undefined) begun.push(() => s3.stop());
  await s3?.createBucket(bucketName);
  const storagePath = options.storagePath ?? `s3://${bucketName}`;

  const { retryMs = 1000, onDenied } = options;
  const guard =
    s3 === undefined || onDenied === undefined ? undefined : await serve(rightsOfFunctions(s3.endpoint, onDenied));
  const { batchSize, maxConcurrency, maxReceiveCount } = inbox;
  const handle = (records: readonly QueueRecord[]): Promise<readonly string[]> =>
    failedOf(lambda.invoke(localName(inbox.function), Buffer.from(JSON.stringify({ Records: records }))));
  const queue = new LocalQueue({
    name: "mosaic-local-inbox",
    batchSize,
    maxConcurrency,
    maxReceiveCount,
    retryMs,
    handle,
  });
  begun.push(() => queue.close());
  const queueServed = await serve(queueApi(queue));

  // The functions need the address of the Invoke API, which needs the functions.
  const invokeLater = (): LocalLambda => lambda;
  const invokeServed = await serve(invokeApi(invokeLater, () => undefined));
  const lambda = new LocalLambda({
    ...options,
    functions: localFunctions({
      bucket: bucketName,
      queueUrl: `${queueServed.url}/123456789012/mosaic-local-inbox`,
      leafFunctions: options.leafFunctions ?? leafCounts.default,
      folders: options.folders,
      environmentFor: (name) => ({
        ...functionEnvironment(storagePath, s3, invokeServed),
        ...(guard !== undefined && { S3_ENDPOINT: guard.url, AWS_ACCESS_KEY_ID: accessKeyOf(name) }),
      }),
      environment: { ...options.environment },
      ...(options.adjust === undefined ? {} : { adjust: options.adjust }),
    }),
  });
  begun.push(() => lambda.close());
  const api = httpApi((payload) => lambda.invoke(localName("api"), payload));
  const stream = functionUrl((payload, onStream) => lambda.invoke(localName("stream"), payload, onStream));
  const served = [await serve(api, options.ports?.gateway), await serve(stream, options.ports?.stream)] as const;
  return {
    url: served[0].url,
    streamUrl: served[1].url,
    invokeUrl: invokeServed.url,
    storagePath,
    s3,
    lambda,
    queue,
    invoke: (name, event) => lambda.invoke(localName(name), Buffer.from(JSON.stringify(event))),
    close: async () => {
      // First what brings work: messages, then requests.
      queue.close();
      await endAll(begun);
    },
  };
}

function functionEnvironment(
  storagePath: string,
  s3: S3Server | undefined,
  invoke: Served,
): Readonly<Record<string, string>> {
  return {
    ...s3Credentials,
    ...s3?.env,
    STORAGE_PATH: storagePath,
    AWS_ENDPOINT_URL_LAMBDA: invoke.url,
    AWS_MAX_ATTEMPTS: "1",
  };
}

/** What the function says of a batch: all failed when it did not answer. */
async function failedOf(invoking: Promise<Invoked>): Promise<readonly string[]> {
  const { outcome } = await invoking;
  if (outcome.kind !== "answer") throw new Error(outcome.kind);
  const answer = JSON.parse(outcome.body.toString()) as {
    batchItemFailures?: readonly { readonly itemIdentifier: string }[];
  } | null;
  return (answer?.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier);
}

/** What the schedule's rule sends. */
export const scheduleEvent = (): object => ({
  id: randomUUID(),
  source: "aws.events",
  "detail-type": "Scheduled Event",
  resources: [`arn:aws:events:us-east-1:123456789012:rule/mosaic-local-${schedule.function}`],
  detail: {},
});

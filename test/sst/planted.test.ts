import { beforeAll, describe, expect, test } from "vitest";
import { type RuleName, rules } from "./rules/index.ts";
import { bundleProgram, type Deployed, deployed, type Edit } from "./support/mock-run.ts";

/** A mistake that somebody could make, and what which rules must say of it. */
interface Mistake extends Edit {
  readonly name: string;
  readonly said: Partial<Record<RuleName, string>>;
}

const mistakes: readonly Mistake[] = [
  {
    name: "a second lifecycle configuration",
    file: "storage.ts",
    from: "createLifecycle(files, undeleteDays, production);",
    to: "createLifecycle(files, undeleteDays, production); new aws.s3.BucketLifecycleConfiguration('Second', { bucket: files.name, rules: [{ id: 'x', status: 'Enabled', expiration: { days: 30 } }] });",
    said: { oneLifecycle: "lifecycle configurations is 2", nothingExpires: "the rule x expires" },
  },
  {
    name: "everything of S3, as a link would allow",
    file: "table.ts",
    from: 'actions: ["s3:GetObject"], on: on.prefix("tenants/")',
    to: 'actions: ["s3:*"], on: on.prefix("tenants/")',
    said: { exactRights: "leaf may do s3:* bucket/tenants/*", noWildcards: "LeafRolePolicy allows s3:*" },
  },
  {
    name: "a function that every function may call",
    file: "roles.ts",
    from: "return arns.leaves;",
    to: 'return ["*"];',
    said: {
      exactRights: "api may do lambda:InvokeFunction *",
      noWildcards: "ApiRolePolicy allows lambda:InvokeFunction *",
    },
  },
  {
    name: "an api that may call no maintain",
    file: "functions.ts",
    from: "api: one(functions.api, { leaves, maintain }),",
    to: "api: one(functions.api, { leaves }),",
    said: { exactRights: "api may not do lambda:InvokeFunction function:mosaic-" },
  },
  {
    name: "the managed policy for logs",
    file: "roles.ts",
    from: "assumeRolePolicy: assumedByLambda,",
    to: "assumeRolePolicy: assumedByLambda, managedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'],",
    said: { noWildcards: "AWSLambdaBasicExecutionRole" },
  },
  {
    name: "events of the whole bucket",
    file: "events.ts",
    from: "filterPrefix: inbox.prefix",
    to: "filterSuffix: ''",
    said: { inboxTells: "notifications is" },
  },
  {
    name: "a queue that anybody's bucket may write to",
    file: "events.ts",
    from: 'ArnEquals: { "aws:SourceArn": files.arn },',
    to: "",
    said: { inboxTells: "who may send is" },
  },
  {
    name: "messages that come back while they are worked on",
    file: "events.ts",
    from: "inbox.visibilitySeconds",
    to: "30",
    said: { nothingLost: "messages come back after 30 s" },
  },
  {
    name: "no dead letters",
    file: "events.ts",
    from: "dlq: { queue: deadLetters.arn, retry: inbox.maxReceiveCount },",
    to: "",
    said: { nothingLost: "what follows is {}" },
  },
  {
    name: "a bucket that goes with its stage",
    file: "options.ts",
    from: 'removal: production ? ("retain" as const)',
    to: 'removal: production ? ("remove" as const)',
    said: { protection: "removal is" },
  },
  {
    name: "a function without memory of its own",
    file: "functions.ts",
    from: "memory:",
    to: "// memory:",
    said: { limits: "memory is 1024" },
  },
  {
    name: "x64 instead of arm64",
    file: "functions.ts",
    from: "architecture,\n    // memory",
    to: "architecture: 'x86_64',\n    // memory",
    said: { limits: "processor is" },
  },
  {
    name: "a log that never forgets",
    file: "functions.ts",
    from: "retentionInDays: logs.retentionDays,",
    to: "",
    said: { logsForget: "days is undefined" },
  },
  {
    name: "answers that don't stream",
    file: "functions.ts",
    from: "streaming: spec.streams,",
    to: "",
    said: { streamStreams: "its mode is" },
  },
  {
    name: "a leaf that can be called from outside",
    file: "functions.ts",
    from: "url: spec.streams ?",
    to: "url: spec.streams || spec.name === 'leaf' ?",
    said: { streamStreams: "the URL's function is", callers: "mosaic-production-leaf-0" },
  },
  {
    name: "a gateway without a limit of requests",
    file: "api.ts",
    from: "args.defaultRouteSettings =",
    to: "(args as any).nothing =",
    said: { gatewayCallsApi: "requests a second is undefined" },
  },
  {
    name: "an alarm that tells nobody",
    file: "alarms.ts",
    from: "alarmActions: [topic],",
    to: "",
    said: { everyAlarm: "tells nobody" },
  },
  {
    name: "leaves that nobody watches",
    file: "alarms.ts",
    from: "return deployment.leaves.map(({ name }) => ({ FunctionName: name }));",
    to: "return [];",
    said: { everyAlarm: "alarms is" },
  },
  {
    name: "a table of DynamoDB that is paid by the hour",
    file: "storage.ts",
    from: "createLifecycle(files, undeleteDays, production);",
    to: "createLifecycle(files, undeleteDays, production); new sst.aws.Dynamo('Extra', { fields: { id: 'string' }, primaryIndex: { hashKey: 'id' } });",
    said: { nothingIdles: "dynamodb/table", deployerMay: "nobody says what dynamodb/table needs" },
  },
  {
    name: "browsers that may write to the bucket",
    file: "storage.ts",
    from: "cors: false,",
    to: "",
    said: { privateBucket: "browsers may read" },
  },
  {
    name: "a schedule that stands still",
    file: "schedule.ts",
    from: "retries: 0,",
    to: "retries: 0, enabled: false,",
    said: { maintenanceTicks: "the state is" },
  },
  {
    name: "a function that is not made after its rights",
    file: "functions.ts",
    from: "role: $resolve([own.role.arn, own.policy.id]).apply(([arn]) => arn),",
    to: "role: own.role.arn,",
    said: { order: "IngestFunction does not wait for IngestRolePolicy" },
  },
  {
    name: "events that begin before the queue takes them",
    file: "events.ts",
    from: "{ dependsOn: [policy] },",
    to: "{},",
    said: { order: "FilesNotification does not wait for InboxPolicy" },
  },
  {
    name: "logs whose names are only written down",
    file: "functions.ts",
    from: "groups.map(({ arn }) => arn),",
    to: "numbers.map((number) => 'arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/' + deployedName(appName, options.stage, spec.name, number)),",
    said: { order: "ApiFunction does not wait for ApiLog" },
  },
  {
    name: "a role that anybody's function may take on",
    file: "roles.ts",
    from: 'Principal: { Service: "lambda.amazonaws.com" }',
    to: 'Principal: { AWS: "*" }',
    said: { ownRoles: "who takes on LeafRole is" },
  },
  {
    name: "an alarm of a REST API's metric",
    file: "alarms.ts",
    from: "metricName: spec.metric,",
    to: 'metricName: spec.metric.replace("5xx", "5XXError"),',
    said: { everyAlarm: "gateway-5xx looks at 5XXError by ApiId, which AWS doesn't count" },
  },
  {
    name: "an alarm of a name that AWS doesn't count by",
    file: "alarms.ts",
    from: "{ QueueName: queues.inbox.nodes.queue.name }",
    to: "{ Queue: queues.inbox.nodes.queue.name }",
    said: { everyAlarm: "ingest-age looks at ApproximateAgeOfOldestMessage by Queue" },
  },
  {
    name: "an alarm that rings when nobody calls",
    file: "alarms.ts",
    from: 'treatMissingData: "notBreaching"',
    to: 'treatMissingData: "breaching"',
    said: { everyAlarm: "api-errors: without calls is" },
  },
  {
    name: "an address that is never told",
    file: "alarms.ts",
    from: "if (alarmEmail !== undefined) {",
    to: "if (alarmEmail === undefined) {",
    said: { alarmsTell: "who is told is []" },
  },
  {
    name: "a URL that asks for AWS's signature, and answers browsers",
    file: "functions.ts",
    from: 'authorization: "none", cors: false',
    to: 'authorization: "iam", cors: true',
    said: { streamStreams: "who is asked is", callers: "callers is" },
  },
  {
    name: "a gateway that answers browsers of any origin",
    file: "api.ts",
    from: "cors: false,",
    to: "",
    said: { gatewayCallsApi: "the kind of API is" },
  },
  {
    name: "a gateway of more patience than AWS has",
    file: "api.ts",
    from: "gateway.timeoutSeconds * 1000",
    to: "60_000",
    said: { gatewayCallsApi: "its patience is more than 30000 ms" },
  },
  {
    name: "a bucket that is left behind without what keeps it private",
    file: "storage.ts",
    from: "policy: outlives,",
    to: "",
    said: { protection: "FilesPolicy is retained is false" },
  },
  {
    name: "older versions that never end",
    file: "storage.ts",
    from: "noncurrentVersionExpiration: { noncurrentDays: Math.max(1, undeleteDays) },",
    to: "",
    said: { versionsEnd: "days of older versions is []" },
  },
  {
    name: "more time than there is, and environments that a new account can't reserve",
    file: "functions.ts",
    from: "description: spec.purpose,",
    to: "description: spec.purpose, transform: { function: (args: any) => { args.timeout = 1200; args.reservedConcurrentExecutions = 2; return undefined; } },",
    said: { accountTakes: "timeout 1200 is not from 1 to 900" },
  },
  {
    name: "batches that come back whole",
    file: "events.ts",
    from: '["ReportBatchItemFailures"]',
    to: "[]",
    said: { ingestSubscribes: "answers is []" },
  },
  {
    name: "outputs that lack what the runbook asks for",
    file: "outputs.ts",
    from: "accessLog: gateway.nodes.logGroup.name,",
    to: "",
    said: { outputs: "outputs is" },
  },
  {
    name: "a log of another function",
    file: "roles.ts",
    from: "logGroups.map(",
    to: "[...logGroups, 'arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/other'].map(",
    said: { ownLogs: "LeafRolePolicy allows logs:CreateLogStream" },
  },
  {
    name: "a leaf too few",
    file: "functions.ts",
    from: "Array(count).keys()",
    to: "Array(count - 1).keys()",
    said: { everyFunction: "the set of functions is" },
  },
  {
    name: "alarms of functions by their ARN",
    file: "alarms.ts",
    from: "FunctionName: deployment[of].name",
    to: "FunctionName: deployment[of].arn",
    said: { alarmsWatch: "function:mosaic-production-api, which isn't there" },
  },
  {
    name: "a schedule of another function",
    file: "schedule.ts",
    from: "function: maintain.arn,",
    to: 'function: maintain.arn.apply((arn) => arn.replace("maintain", "ingest")),',
    said: { scheduleCallsMaintain: "the schedule may", maintenanceTicks: "the function is" },
  },
  {
    name: "no tags",
    file: "options.ts",
    from: "tags: { app: appName, stage }",
    to: "tags: {}",
    said: { tagged: "tags is {}" },
  },
];

/** All of them at once, but for those that hide another, or are hidden. */
const hiding = ["a leaf that can be called from outside", "logs whose names are only written down"];
const alone = mistakes.filter(({ name }) => hiding.includes(name));
const together = mistakes.filter((mistake) => !alone.includes(mistake));

describe.each([
  { title: "planted together", planted: together },
  { title: "planted alone", planted: alone },
])("$title", ({ title, planted }) => {
  let made: Deployed;
  beforeAll(async () => {
    const program = await bundleProgram(title.replaceAll(" ", "-"), planted);
    made = await deployed(program, { stage: "production", env: { MOSAIC_ALARM_EMAIL: "ops@example.com" } });
  });

  const expected = planted.flatMap(({ name, said }) =>
    (Object.entries(said) as [RuleName, string][]).map(([rule, words]) => ({ name, rule, words })),
  );
  test.each(expected)("$name is found by $rule", ({ rule, words }) => {
    expect(rules[rule](made).join("\n")).toContain(words);
  });
});

test("each rule was seen to find something", () => {
  const found = new Set(mistakes.flatMap(({ said }) => Object.keys(said)));
  expect(Object.keys(rules).filter((rule) => !found.has(rule))).toEqual([]);
});

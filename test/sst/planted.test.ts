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
    from: "createLifecycle(files, undeleteDays);",
    to: "createLifecycle(files, undeleteDays); new aws.s3.BucketLifecycleConfiguration('Second', { bucket: files.name, rules: [{ id: 'x', status: 'Enabled', expiration: { days: 30 } }] });",
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
    said: { streamStreams: "the URL's function is", gatewayCallsApi: "mosaic-production-leaf-0" },
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
    from: "createLifecycle(files, undeleteDays);",
    to: "createLifecycle(files, undeleteDays); new sst.aws.Dynamo('Extra', { fields: { id: 'string' }, primaryIndex: { hashKey: 'id' } });",
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
];

/** All of them at once, but for one that hides another. */
const alone = mistakes.filter(({ name }) => name === "a leaf that can be called from outside");
const together = mistakes.filter((mistake) => !alone.includes(mistake));

describe.each([
  { title: "planted together", planted: together },
  { title: "planted alone", planted: alone },
])("$title", ({ title, planted }) => {
  let made: Deployed;
  beforeAll(async () => {
    const program = await bundleProgram(title.replaceAll(" ", "-"), planted);
    made = await deployed(program, { stage: "production" });
  });

  const expected = planted.flatMap(({ name, said }) =>
    (Object.entries(said) as [RuleName, string][]).map(([rule, words]) => ({ name, rule, words })),
  );
  test.each(expected)("$name is found by $rule", ({ rule, words }) => {
    expect(rules[rule](made).join("\n")).toContain(words);
  });
});

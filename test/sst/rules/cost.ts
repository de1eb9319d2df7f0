import { alarms, leafFunctions } from "../../../infra/table.ts";
import { differs, ofType } from "../support/account.ts";
import type { Deployed, Resource } from "../support/mock-run.ts";

/** Kinds of resources that cost nothing while nobody calls; alarms and a certificate's domain cost what docs say. */
const idleFree = new Set([
  "acm/certificate",
  "acm/certificateValidation",
  "apigatewayv2/api",
  "apigatewayv2/apiMapping",
  "apigatewayv2/domainName",
  "apigatewayv2/integration",
  "apigatewayv2/route",
  "apigatewayv2/stage",
  "cloudwatch/logGroup",
  "cloudwatch/metricAlarm",
  "iam/role",
  "iam/rolePolicy",
  "lambda/eventSourceMapping",
  "lambda/function",
  "lambda/functionEventInvokeConfig",
  "lambda/functionUrl",
  "lambda/permission",
  "route53/record",
  "s3/bucket",
  "s3/bucketLifecycleConfiguration",
  "s3/bucketNotification",
  "s3/bucketObjectv2",
  "s3/bucketPolicy",
  "s3/bucketPublicAccessBlock",
  "s3/bucketVersioning",
  "scheduler/schedule",
  "sns/topic",
  "sns/topicSubscription",
  "sqs/queue",
  "sqs/queuePolicy",
]);

export function nothingIdles({ resources }: Deployed): readonly string[] {
  const types = resources.flatMap(({ type, read }) => (read ? [] : (/^aws:([^:]+):/.exec(type)?.[1] ?? [])));
  return [...new Set(types)].filter((type) => !idleFree.has(type)).map((type) => `${type} may cost while idle`);
}

/** What AWS counts under these names, by what it tells them apart; of all functions of a region by nothing. */
const metrics: Readonly<Record<string, readonly string[]>> = {
  "AWS/Lambda Errors": ["FunctionName"],
  "AWS/Lambda Duration": ["FunctionName"],
  "AWS/Lambda Throttles": ["FunctionName", ""],
  "AWS/SQS ApproximateNumberOfMessagesVisible": ["QueueName"],
  "AWS/SQS ApproximateAgeOfOldestMessage": ["QueueName"],
  "AWS/ApiGateway 5xx": ["ApiId"],
};

/** What is said by an alarm's name is what it looks at, and as the table has it. */
function rightly({ inputs }: Resource, { stage }: Deployed): readonly string[] {
  const name = (inputs.name as string).replace(`mosaic-${stage}-`, "");
  const spec = alarms.find((one) => one.name === name || (one.of === "leaf" && name.startsWith(`${one.name}-`)));
  if (spec === undefined) return [`${name} is not in the table`];
  const dimensions = metrics[`${inputs.namespace} ${inputs.metricName}`] ?? [];
  const found = Object.keys(inputs.dimensions).join(" ");
  const statistic = inputs.extendedStatistic ?? inputs.statistic;
  const seen = [inputs.namespace, inputs.metricName, statistic, inputs.threshold, inputs.period];
  return [
    ...(dimensions.includes(found)
      ? []
      : [`${name} looks at ${inputs.metricName} by ${found}, which AWS doesn't count`]),
    ...differs(name, seen, [spec.namespace, spec.metric, spec.statistic, spec.threshold, spec.periodSeconds]),
    ...differs(`${name}: periods`, [inputs.datapointsToAlarm, inputs.evaluationPeriods], Object.values(spec.periods)),
    ...differs(`${name}: rings`, inputs.comparisonOperator, "GreaterThanOrEqualToThreshold"),
    ...differs(`${name}: without calls`, inputs.treatMissingData, "notBreaching"),
    ...(inputs.period % 60 === 0 ? [] : [`${name}: ${inputs.period} s is no whole minute`]),
  ];
}

/** Who is told, where somebody is to be. */
export function alarmsTell(deployed: Deployed): readonly string[] {
  const topics = ofType(deployed, "sns/topic").length;
  const told = ofType(deployed, "sns/topicSubscription").map(({ inputs }) => [inputs.protocol, inputs.endpoint]);
  return [
    ...differs("topics", topics, deployed.alarms ? 1 : 0),
    ...differs("who is told", told, deployed.alarmEmail === undefined ? [] : [["email", deployed.alarmEmail]]),
  ];
}

/** Every alarm of the table, for every resource that it is of, and each is told to somebody. */
export function everyAlarm(deployed: Deployed): readonly string[] {
  const found = ofType(deployed, "cloudwatch/metricAlarm");
  const wanted = deployed.alarms
    ? alarms.flatMap(({ name, of }) =>
        of === "leaf"
          ? [...Array(deployed.leafFunctions ?? leafFunctions.default).keys()].map((n) => `${name}-${n}`)
          : [name],
      )
    : [];
  const names = found.map(({ inputs }) => (inputs.name as string).replace(`mosaic-${deployed.stage}-`, ""));
  const silent = found.filter(({ inputs }) => inputs.alarmActions?.[0] !== deployed.outputs["alarmTopic"]);
  return [
    ...differs("alarms", names.toSorted(), wanted.toSorted()),
    ...silent.map(({ inputs }) => `${inputs.name} tells nobody`),
    ...found.flatMap((alarm) => rightly(alarm, deployed)),
  ];
}

/** An alarm of something that isn't there never rings. */
export function alarmsWatch(deployed: Deployed): readonly string[] {
  const there = new Set([
    ...ofType(deployed, "lambda/function").map(({ inputs }) => inputs.name),
    ...ofType(deployed, "sqs/queue").map(({ inputs }) => inputs.name),
    ...ofType(deployed, "apigatewayv2/api").map(({ inputs }) => inputs.name),
  ]);
  return ofType(deployed, "cloudwatch/metricAlarm").flatMap(({ inputs }) =>
    Object.values(inputs.dimensions as Record<string, string>)
      .filter((value) => !there.has(value))
      .map((value) => `${inputs.name} watches ${value}, which isn't there`),
  );
}

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../../src/base/index.ts";
import type { Deployed, Resource } from "../support/mock-run.ts";

/**
 * The actions that AWS's own Terraform provider, which SST drives, calls to make, read, change and delete a resource,
 * and on what. Taken from its documentation: no machine without an account can find a missing one.
 */
interface Need {
  readonly service: string;
  readonly actions: readonly string[];
  /** The end of the ARN, `*` where the service knows none for it. */
  readonly on: (name: string, resource: Resource) => string;
}

const need = (service: string, actions: string, on: Need["on"]): Need => ({ service, actions: actions.split(" "), on });

const region = "us-east-1:123456789012";
const bucket = (_name: string, { inputs }: Resource): string => `arn:aws:s3:::${inputs.bucket}`;
const role = (_name: string, { inputs }: Resource): string =>
  `arn:aws:iam::123456789012:role/${inputs.name ?? inputs.role ?? inputs.namePrefix}`;
const functionArn = (_name: string, { inputs }: Resource): string => {
  const name = inputs.functionName ?? inputs.function ?? inputs.name;
  return String(name).startsWith("arn:") ? name : `arn:aws:lambda:${region}:function:${name}`;
};
const queue = (_name: string, { inputs }: Resource): string =>
  `arn:aws:sqs:${region}:${inputs.name ?? String(inputs.queueUrl).split("/").at(-1)}`;
const gate = (path: string) => () => `arn:aws:apigateway:us-east-1::${path}`;
const gateway = (path: string): Need => need("apigateway", "GET POST PUT PATCH DELETE", gate(path));
const everything = (): string => "*";

const needs: Readonly<Record<string, readonly Need[]>> = {
  "s3/bucket": [
    need("s3", "CreateBucket DeleteBucket ListBucket PutBucketTagging GetBucketTagging GetBucketLocation", bucket),
    need("s3", "GetBucketAcl GetBucketCORS GetBucketLogging GetBucketObjectLockConfiguration", bucket),
    need("s3", "GetBucketPolicy GetBucketRequestPayment GetBucketVersioning GetBucketWebsite", bucket),
    need("s3", "GetAccelerateConfiguration GetEncryptionConfiguration GetLifecycleConfiguration", bucket),
    need("s3", "GetReplicationConfiguration ListBucketVersions DeleteObject DeleteObjectVersion", bucket),
  ],
  "s3/bucketPublicAccessBlock": [need("s3", "PutBucketPublicAccessBlock GetBucketPublicAccessBlock", bucket)],
  "s3/bucketPolicy": [need("s3", "PutBucketPolicy GetBucketPolicy DeleteBucketPolicy", bucket)],
  "s3/bucketVersioning": [need("s3", "PutBucketVersioning GetBucketVersioning", bucket)],
  "s3/bucketLifecycleConfiguration": [need("s3", "PutLifecycleConfiguration GetLifecycleConfiguration", bucket)],
  "s3/bucketNotification": [need("s3", "PutBucketNotification GetBucketNotification", bucket)],
  "s3/bucketObjectv2": [
    need("s3", "PutObject PutObjectTagging AbortMultipartUpload GetObject GetObjectTagging DeleteObject", bucket),
  ],
  "lambda/function": [
    need(
      "lambda",
      "CreateFunction GetFunction GetFunctionConfiguration UpdateFunctionCode DeleteFunction",
      functionArn,
    ),
    need("lambda", "UpdateFunctionConfiguration ListVersionsByFunction GetFunctionCodeSigningConfig", functionArn),
    need("lambda", "PutFunctionConcurrency DeleteFunctionConcurrency TagResource UntagResource ListTags", functionArn),
    need("iam", "PassRole", (_name, { inputs }) => inputs.role),
  ],
  "lambda/functionUrl": [
    need("lambda", "CreateFunctionUrlConfig GetFunctionUrlConfig UpdateFunctionUrlConfig", functionArn),
    need("lambda", "DeleteFunctionUrlConfig AddPermission RemovePermission", functionArn),
  ],
  "lambda/permission": [need("lambda", "AddPermission RemovePermission GetPolicy", functionArn)],
  "lambda/functionEventInvokeConfig": [
    need("lambda", "PutFunctionEventInvokeConfig GetFunctionEventInvokeConfig", functionArn),
    need("lambda", "UpdateFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig", functionArn),
  ],
  "lambda/eventSourceMapping": [
    need("lambda", "CreateEventSourceMapping GetEventSourceMapping UpdateEventSourceMapping", everything),
    need("lambda", "DeleteEventSourceMapping ListTags TagResource UntagResource", everything),
  ],
  "iam/role": [
    need("iam", "CreateRole GetRole DeleteRole UpdateRole UpdateAssumeRolePolicy TagRole UntagRole", role),
    need("iam", "ListRolePolicies ListAttachedRolePolicies ListInstanceProfilesForRole", role),
    need("iam", "PutRolePolicy GetRolePolicy DeleteRolePolicy", role),
  ],
  "iam/rolePolicy": [need("iam", "PutRolePolicy GetRolePolicy DeleteRolePolicy", role)],
  "sqs/queue": [
    need("sqs", "CreateQueue DeleteQueue GetQueueAttributes SetQueueAttributes GetQueueUrl", queue),
    need("sqs", "ListQueueTags TagQueue UntagQueue", queue),
  ],
  "sqs/queuePolicy": [need("sqs", "SetQueueAttributes GetQueueAttributes", queue)],
  "scheduler/schedule": [
    need("scheduler", "CreateSchedule GetSchedule UpdateSchedule DeleteSchedule", (_name, { inputs }) => {
      return `arn:aws:scheduler:${region}:schedule/default/${inputs.name}`;
    }),
    need("iam", "PassRole", (_name, { inputs }) => inputs.target.roleArn),
  ],
  "cloudwatch/logGroup": [
    need("logs", "CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy", logGroup),
    need("logs", "ListTagsForResource TagResource UntagResource", logGroup),
    need("logs", "DescribeLogGroups", everything),
  ],
  "cloudwatch/metricAlarm": [
    need("cloudwatch", "PutMetricAlarm DeleteAlarms ListTagsForResource TagResource UntagResource", alarm),
    // With a narrower resource it answers nothing of composite alarms, and the provider asks for a name whatever it is.
    need("cloudwatch", "DescribeAlarms", everything),
  ],
  "sns/topic": [
    need("sns", "CreateTopic DeleteTopic GetTopicAttributes SetTopicAttributes", topic),
    need("sns", "ListTagsForResource TagResource UntagResource", topic),
  ],
  "sns/topicSubscription": [
    need("sns", "Subscribe", topic),
    // The service knows no resource for these two (service authorization reference).
    need("sns", "Unsubscribe GetSubscriptionAttributes", everything),
  ],
  "apigatewayv2/api": [gateway("/apis"), gateway("/apis/a1b2c3")],
  "apigatewayv2/stage": [
    gateway("/apis/a1b2c3/stages"),
    need("logs", "CreateLogDelivery GetLogDelivery UpdateLogDelivery DeleteLogDelivery", everything),
    need("logs", "ListLogDeliveries DescribeResourcePolicies PutResourcePolicy", everything),
  ],
  "apigatewayv2/route": [gateway("/apis/a1b2c3/routes")],
  "apigatewayv2/integration": [gateway("/apis/a1b2c3/integrations")],
  "apigatewayv2/domainName": [gateway("/domainnames"), gateway("/domainnames/search.example.com")],
  "apigatewayv2/apiMapping": [gateway("/domainnames/search.example.com/apimappings")],
  "acm/certificate": [
    need("acm", "RequestCertificate DescribeCertificate DeleteCertificate", everything),
    need("acm", "AddTagsToCertificate ListTagsForCertificate", everything),
  ],
  "acm/certificateValidation": [need("acm", "DescribeCertificate", everything)],
  "route53/record": [
    need("route53", "ChangeResourceRecordSets ListResourceRecordSets GetChange GetHostedZone", everything),
    need("route53", "ListHostedZones", everything),
  ],
};

function logGroup(_name: string, { inputs }: Resource): string {
  return `arn:aws:logs:${region}:log-group:${inputs.name}`;
}
function alarm(_name: string, { inputs }: Resource): string {
  return `arn:aws:cloudwatch:${region}:alarm:${inputs.name}`;
}
function topic(_name: string, { inputs }: Resource): string {
  return inputs.topic ?? `arn:aws:sns:${region}:${inputs.name}`;
}

interface Statement {
  readonly Action: readonly string[];
  readonly Resource: string | readonly string[];
}

export const policyFile = join(packageRoot, "docs", "deployment", "deployer-policy.json");
export const policy = JSON.parse(readFileSync(policyFile, "utf8")) as { readonly Statement: readonly Statement[] };

/** IAM's own matching: `*` is any text. */
const matches = (pattern: string, text: string): boolean =>
  new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`).test(text);

/** `*` as a resource is allowed by `*` alone. */
export const mayCall = (action: string, resource: string): boolean =>
  policy.Statement.some(
    ({ Action, Resource }) =>
      Action.some((pattern) => matches(pattern, action)) &&
      [Resource].flat().some((pattern) => pattern === "*" || (resource !== "*" && matches(pattern, resource))),
  );

/** Whoever has `docs/deployment/deployer-policy.json` may make all of it. */
export function deployerMay({ resources }: Deployed): readonly string[] {
  const made = resources.filter(({ read, type }) => !read && type.startsWith("aws:"));
  return made.flatMap((resource) => {
    const type = /^aws:([^:]+):/.exec(resource.type)?.[1] ?? "";
    const wanted = needs[type];
    if (wanted === undefined) return [`nobody says what ${type} needs`];
    return wanted.flatMap(({ service, actions, on }) => {
      const arn = on(resource.name, resource);
      return actions
        .filter((action) => !mayCall(`${service}:${action}`, arn))
        .map((action) => `the deployer may not ${service}:${action} on ${arn}`);
    });
  });
}

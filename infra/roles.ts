import { appName, type Options } from "./options.ts";
import { deployedName, type FunctionSpec, type Resource, type Statement } from "./table.ts";

/** ARNs that the table's resources stand for. */
export interface Arns {
  readonly bucket: $util.Input<string>;
  readonly queue: $util.Input<string>;
  /** Those that were made before. */
  readonly leaves: readonly $util.Input<string>[];
  readonly maintain: readonly $util.Input<string>[];
}

function arnsOf(on: Resource, arns: Arns): readonly $util.Input<string>[] {
  switch (on.kind) {
    case "bucket":
      return [arns.bucket];
    case "prefix":
      return [$interpolate`${arns.bucket}/${on.prefix}*`];
    case "queue":
      return [arns.queue];
    case "leaf":
      return arns.leaves;
    case "maintain":
      return arns.maintain;
  }
}

const allow = (actions: readonly string[], resources: readonly $util.Input<string>[]) => ({
  Effect: "Allow",
  Action: actions,
  Resource: resources,
});

/** The statement of the table as IAM reads it. */
const granted = ({ actions, on }: Statement, arns: Arns) => allow(actions, arnsOf(on, arns));

const assumedByLambda = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } }],
});

/**
 * A role of its own for each kind of function, with the statements of the table and its own log, and no more: the
 * managed policy for logs may create any log group, and SST's links allow `s3:*`.
 */
export function createRole(
  spec: FunctionSpec,
  logGroups: readonly $util.Input<string>[],
  arns: Arns,
  options: Options,
) {
  const logical = `${spec.name[0]?.toUpperCase()}${spec.name.slice(1)}Role`;
  const role = new aws.iam.Role(logical, {
    namePrefix: `${deployedName(appName, options.stage, spec.name)}-`,
    assumeRolePolicy: assumedByLambda,
  });
  const logs = allow(
    ["logs:CreateLogStream", "logs:PutLogEvents"],
    logGroups.map((arn) => $interpolate`${arn}:*`),
  );
  const policy = new aws.iam.RolePolicy(`${logical}Policy`, {
    role: role.name,
    policy: $jsonStringify({
      Version: "2012-10-17",
      Statement: [...spec.statements.map((statement) => granted(statement, arns)), logs],
    }),
  });
  return { role, policy };
}

import { join } from "node:path";
import type { Queues } from "./events.ts";
import { appName, type Options } from "./options.ts";
import { type Arns, createRole } from "./roles.ts";
import {
  architecture,
  bundleOf,
  deployedName,
  environmentOf,
  type FunctionName,
  type FunctionSpec,
  functions,
  logs,
  runtime,
} from "./table.ts";

export interface Deployment {
  readonly api: sst.aws.Function;
  readonly stream: sst.aws.Function;
  readonly leaves: readonly sst.aws.Function[];
  readonly ingest: sst.aws.Function;
  readonly maintain: sst.aws.Function;
}

interface Surroundings {
  readonly options: Options;
  readonly files: sst.aws.Bucket;
  readonly queues: Queues;
}

const logicalName = (name: FunctionName, leaf?: number): string =>
  `${name[0]?.toUpperCase()}${name.slice(1)}${leaf ?? ""}`;

/** Functions that others may call, and call alone. */
type Called = Partial<Pick<Deployment, "leaves" | "maintain">>;

/** Those first that others call. */
export function createFunctions(surroundings: Surroundings): Deployment {
  const count = surroundings.options.leafFunctions;
  const leaves = create(functions.leaf, surroundings, {}, [...Array(count).keys()]);
  const one = (spec: FunctionSpec, called: Called): sst.aws.Function => {
    const [made] = create(spec, surroundings, called, [undefined]);
    if (made === undefined) throw new Error(`${spec.name} was not made`);
    return made;
  };
  const maintain = one(functions.maintain, {});
  return {
    leaves,
    maintain,
    api: one(functions.api, { leaves, maintain }),
    stream: one(functions.stream, { leaves, maintain }),
    ingest: one(functions.ingest, {}),
  };
}

function create(
  spec: FunctionSpec,
  surroundings: Surroundings,
  { leaves = [], maintain }: Called,
  numbers: readonly (number | undefined)[],
): readonly sst.aws.Function[] {
  const { options, files, queues } = surroundings;
  const arns: Arns = {
    bucket: files.arn,
    queue: queues.inbox.arn,
    leaves: leaves.map(({ arn }) => arn),
    maintain: maintain === undefined ? [] : [maintain.arn],
  };
  const groups = numbers.map((number) => createLogGroup(spec, options, number));
  const { role, policy } = createRole(
    spec,
    groups.map(({ arn }) => arn),
    arns,
    options,
  );
  return numbers.map((number, index) =>
    createFunction(spec, surroundings, { number, role, policy, logGroup: groups[index]?.name ?? "" }),
  );
}

function createLogGroup({ name }: FunctionSpec, { stage }: Options, number: number | undefined) {
  return new aws.cloudwatch.LogGroup(`${logicalName(name, number)}Log`, {
    name: `/aws/lambda/${deployedName(appName, stage, name, number)}`,
    retentionInDays: logs.retentionDays,
  });
}

interface Own {
  readonly number: number | undefined;
  readonly role: aws.iam.Role;
  readonly policy: aws.iam.RolePolicy;
  readonly logGroup: $util.Input<string>;
}

function createFunction(spec: FunctionSpec, surroundings: Surroundings, own: Own): sst.aws.Function {
  const { options, files, queues } = surroundings;
  const environment = $resolve([files.name, queues.inbox.url]).apply(([bucket, queueUrl]) =>
    environmentOf(spec, {
      bucket,
      queueUrl,
      app: appName,
      stage: options.stage,
      leafFunctions: options.leafFunctions,
    }),
  );
  return new sst.aws.Function(logicalName(spec.name, own.number), {
    name: deployedName(appName, options.stage, spec.name, own.number),
    description: spec.purpose,
    bundle: join($cli.paths.root, bundleOf(spec.name, architecture)),
    handler: "index.handler",
    runtime,
    architecture,
    memory: `${spec.memoryMb} MB`,
    storage: `${spec.tmpMb} MB`,
    timeout: `${spec.timeoutSeconds} seconds`,
    environment,
    // Known once the role may do what it is for: Lambda looks when an event source is connected.
    role: $resolve([own.role.arn, own.policy.id]).apply(([arn]) => arn),
    logging: { logGroup: own.logGroup },
    streaming: spec.streams,
    // Keys are checked by the application, as behind the gateway.
    url: spec.streams ? { authorization: "none", cors: false } : false,
    // The next tick of the schedule is its second try.
    ...(spec.name === "maintain" && { retries: 0 }),
    ...(spec.reservedConcurrency !== undefined && { concurrency: { reserved: spec.reservedConcurrency } }),
    dev: false,
  });
}

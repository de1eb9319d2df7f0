import type { Queues } from "./events.ts";
import type { Deployment } from "./functions.ts";
import { appName, type Options } from "./options.ts";
import { type AlarmSpec, alarms } from "./table.ts";

type Dimensions = Record<string, $util.Input<string>>;

interface Watched {
  readonly options: Options;
  readonly deployment: Deployment;
  readonly queues: Queues;
  readonly gateway: sst.aws.ApiGatewayV2;
}

/** One for each resource that the alarm is of. */
function dimensionsOf({ of }: AlarmSpec, { deployment, queues, gateway }: Watched): readonly Dimensions[] {
  switch (of) {
    case "account":
      return [{}];
    case "queue":
      return [{ QueueName: queues.inbox.nodes.queue.name }];
    case "dead-letter queue":
      return [{ QueueName: queues.deadLetters.nodes.queue.name }];
    case "gateway":
      return [{ ApiId: gateway.nodes.api.id }];
    case "leaf":
      return deployment.leaves.map(({ name }) => ({ FunctionName: name }));
    default:
      return [{ FunctionName: deployment[of].name }];
  }
}

/** The topic's ARN; undefined where nobody is to be woken. */
export function createAlarms(watched: Watched): $util.Output<string> | undefined {
  const { stage, alarms: wanted, alarmEmail } = watched.options;
  if (!wanted) return undefined;
  const topic = new sst.aws.SnsTopic("Alarms");
  if (alarmEmail !== undefined) {
    new aws.sns.TopicSubscription("AlarmsEmail", { topic: topic.arn, protocol: "email", endpoint: alarmEmail });
  }
  for (const spec of alarms) {
    const all = dimensionsOf(spec, watched);
    for (const [index, dimensions] of all.entries()) {
      const suffix = all.length === 1 ? "" : `-${index}`;
      createAlarm(`${appName}-${stage}-${spec.name}${suffix}`, spec, dimensions, topic.arn);
    }
  }
  return topic.arn;
}

function createAlarm(name: string, spec: AlarmSpec, dimensions: Dimensions, topic: $util.Output<string>): void {
  new aws.cloudwatch.MetricAlarm(name, {
    name,
    alarmDescription: `${spec.meaning}. See docs/guides/operations.md.`,
    namespace: spec.namespace,
    metricName: spec.metric,
    dimensions,
    ...(spec.statistic === "p99" ? { extendedStatistic: "p99" } : { statistic: spec.statistic }),
    comparisonOperator: "GreaterThanOrEqualToThreshold",
    threshold: spec.threshold,
    period: spec.periodSeconds,
    evaluationPeriods: spec.periods.of,
    datapointsToAlarm: spec.periods.bad,
    // No calls are no fault.
    treatMissingData: "notBreaching",
    alarmActions: [topic],
    okActions: [topic],
  });
}

import type { Deployed, Resource } from "./mock-run.ts";

/** What was made of a type (`s3/bucket`), lookups left out. */
export const ofType = ({ resources }: Deployed, type: string): readonly Resource[] =>
  resources.filter((resource) => !resource.read && resource.type.startsWith(`aws:${type}:`));

/** The only one of its type; undefined when there is none or there are several. */
export function onlyOne(deployed: Deployed, type: string): Resource | undefined {
  const found = ofType(deployed, type);
  return found.length === 1 ? found[0] : undefined;
}

/** Says what differs, in one line; nothing when they are equal. */
export function differs(what: string, found: unknown, wanted: unknown): readonly string[] {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  return a === b ? [] : [`${what} is ${a}, not ${b}`];
}

export interface Grant {
  readonly action: string;
  readonly resource: string;
}

interface PolicyStatement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

const list = (value: string | readonly string[]): readonly string[] => (typeof value === "string" ? [value] : value);

/** Each action on each resource that a policy allows. */
export function grantsOf(policy: string): readonly Grant[] {
  const { Statement } = JSON.parse(policy) as { Statement: readonly PolicyStatement[] };
  return Statement.flatMap(({ Action, Resource }) =>
    list(Action).flatMap((action) => list(Resource).map((resource) => ({ action, resource }))),
  );
}

/** Long ARNs in words: `bucket/tenants/*`, `queue:mosaic-dev-InboxQueue`, `function:mosaic-dev-leaf-0`. */
export const short = (arn: string): string =>
  arn
    .replace(/^arn:aws:s3:::[^/]+/, "bucket")
    .replace(/^arn:aws:(sqs|lambda|logs):[^:]*:\d+:/, (_all, service: string) => (service === "sqs" ? "queue:" : ""))
    // What Pulumi adds to names that it gives; functions have theirs from the table.
    .replace(/^(?!function:)(.*)-[a-z]{8}$/, "$1");

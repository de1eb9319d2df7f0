import { differs, type Grant, grantsOf, ofType, short } from "../support/account.ts";
import type { Deployed } from "../support/mock-run.ts";

/** What each function may do, in full. Whoever widens the table says it here once more. */
const rights: Readonly<Record<string, readonly string[]>> = {
  api: [
    "s3:ListBucket bucket",
    "s3:GetObject bucket/tenants/*",
    "s3:PutObject bucket/tenants/*",
    "s3:DeleteObject bucket/tenants/*",
    "s3:GetObject bucket/jobs/*",
    "s3:PutObject bucket/jobs/*",
    "s3:DeleteObject bucket/jobs/*",
    "s3:AbortMultipartUpload bucket/tenants/*",
    "s3:GetObject bucket/keys/*",
    "s3:GetObject bucket/inbox-state/*",
    "lambda:InvokeFunction function:LEAF",
    "lambda:InvokeFunction function:STAGE-maintain",
  ],
  leaf: ["s3:ListBucket bucket", "s3:GetObject bucket/tenants/*"],
  ingest: [
    "s3:ListBucket bucket",
    "s3:GetObject bucket/tenants/*",
    "s3:PutObject bucket/tenants/*",
    "s3:DeleteObject bucket/tenants/*",
    "s3:GetObject bucket/jobs/*",
    "s3:PutObject bucket/jobs/*",
    "s3:DeleteObject bucket/jobs/*",
    "s3:GetObject bucket/inbox/*",
    "s3:GetObjectTagging bucket/inbox/*",
    "s3:DeleteObject bucket/inbox/*",
    "s3:GetObject bucket/inbox-state/*",
    "s3:PutObject bucket/inbox-state/*",
    "s3:GetObject bucket/processed/*",
    "s3:PutObject bucket/processed/*",
    "s3:PutObjectTagging bucket/processed/*",
    "s3:AbortMultipartUpload bucket/processed/*",
    "s3:GetObject bucket/failed/*",
    "s3:PutObject bucket/failed/*",
    "s3:PutObjectTagging bucket/failed/*",
    "s3:AbortMultipartUpload bucket/failed/*",
    "sqs:ReceiveMessage queue:STAGE-InboxQueue",
    "sqs:DeleteMessage queue:STAGE-InboxQueue",
    "sqs:GetQueueAttributes queue:STAGE-InboxQueue",
    "sqs:ChangeMessageVisibility queue:STAGE-InboxQueue",
    "sqs:SendMessage queue:STAGE-InboxQueue",
  ],
  maintain: [
    "s3:ListBucket bucket",
    "s3:GetObject bucket/tenants/*",
    "s3:PutObject bucket/tenants/*",
    "s3:DeleteObject bucket/tenants/*",
    "s3:GetObject bucket/jobs/*",
    "s3:PutObject bucket/jobs/*",
    "s3:DeleteObject bucket/jobs/*",
    "s3:RestoreObject bucket/tenants/*",
    "s3:AbortMultipartUpload bucket/tenants/*",
    "s3:GetObject bucket/maintenance/*",
    "s3:PutObject bucket/maintenance/*",
    "s3:GetObject bucket/inbox-state/*",
    "s3:DeleteObject bucket/inbox-state/*",
    "sqs:SendMessage queue:STAGE-InboxQueue",
  ],
};

const nameOf = (role: string): string => role.replace(/RolePolicy$/, "").toLowerCase();
const worded = ({ action, resource }: Grant): string => `${action} ${short(resource)}`;
const isLog = ({ action }: Grant): boolean => action.startsWith("logs:");

function wantedOf(name: string, deployed: Deployed): readonly string[] {
  const prefix = `mosaic-${deployed.stage}`;
  const leaves = ofType(deployed, "lambda/function").map(({ inputs }) => inputs.name as string);
  return (rights[name === "stream" ? "api" : name] ?? []).flatMap((right) =>
    right.endsWith("function:LEAF")
      ? leaves.filter((leaf) => leaf.startsWith(`${prefix}-leaf-`)).map((leaf) => right.replace("LEAF", leaf))
      : [right.replace("STAGE", prefix)],
  );
}

/** Each function has the rights above, not one more or less. */
export function exactRights(deployed: Deployed): readonly string[] {
  return ofType(deployed, "iam/rolePolicy").flatMap(({ name: policy, inputs }) => {
    const name = nameOf(policy);
    const found = grantsOf(inputs.policy)
      .filter((grant) => !isLog(grant))
      .map(worded);
    const wanted = wantedOf(name, deployed);
    return [
      ...found.filter((right) => !wanted.includes(right)).map((right) => `${name} may do ${right}`),
      ...wanted.filter((right) => !found.includes(right)).map((right) => `${name} may not do ${right}`),
    ];
  });
}

const policyOf = (document: unknown): unknown => (typeof document === "string" ? JSON.parse(document) : document);

const assumedBy = (policy: unknown): unknown =>
  (policy as { Statement?: readonly Record<string, unknown>[] }).Statement?.map(({ Sid: _sid, ...rest }) => rest);

const trusts = (service: string) => [{ Action: "sts:AssumeRole", Effect: "Allow", Principal: { Service: service } }];

/** Keys in the same order: a policy is the same however it is written. */
const ordered = (statements: unknown): unknown =>
  (statements as readonly Record<string, unknown>[] | undefined)?.map((one) =>
    Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  );

/** Each kind of function runs as its own role, which has its policy, and which nobody but Lambda may take on. */
export function ownRoles(deployed: Deployed): readonly string[] {
  const policies = ofType(deployed, "iam/rolePolicy");
  const lambdas = ofType(deployed, "lambda/function").flatMap(({ inputs }) => {
    const kind = (inputs.name as string).replace(`mosaic-${deployed.stage}-`, "").replace(/-\d+$/, "");
    const wanted = `mosaic-${deployed.stage}-${kind}-1`;
    const own = policies.filter(({ inputs: { role } }) => role === wanted).map(({ name }) => nameOf(name));
    return [
      ...differs(`the role of ${inputs.name}`, (inputs.role as string).split("/").at(-1), wanted),
      ...differs(`the policies of ${wanted}`, own, [kind]),
    ];
  });
  const roles = ofType(deployed, "iam/role").flatMap(({ name, inputs }) => {
    const service = name === "MaintenanceRole" ? "scheduler" : "lambda";
    return differs(
      `who takes on ${name}`,
      ordered(assumedBy(policyOf(inputs.assumeRolePolicy))),
      trusts(`${service}.amazonaws.com`),
    );
  });
  return [...lambdas, ...roles];
}

/** The log it may write is its own. */
export function ownLogs(deployed: Deployed): readonly string[] {
  return ofType(deployed, "iam/rolePolicy").flatMap(({ name: policy, inputs }) => {
    const own = `log-group:/aws/lambda/mosaic-${deployed.stage}-${nameOf(policy)}`;
    const logs = grantsOf(inputs.policy).filter(isLog);
    const foreign = logs.filter(({ resource }) => !new RegExp(`^${own}(-\\d+)?:\\*$`).test(short(resource)));
    return [
      ...foreign.map((grant) => `${policy} allows ${worded(grant)}`),
      ...(logs.length < 2 ? [`${policy} allows no log`] : []),
    ];
  });
}

/** No policy anywhere has a wildcard but behind a prefix, and no role has a policy that is not listed here. */
export function noWildcards(deployed: Deployed): readonly string[] {
  const wide = ({ action, resource }: Grant): boolean =>
    action.includes("*") || resource === "*" || !/^[^*]+([/:]\*)?$/.test(resource) || /:::[^/]+\/\*$/.test(resource);
  return [
    ...ofType(deployed, "iam/rolePolicy").flatMap(({ name, inputs }) =>
      grantsOf(inputs.policy)
        .filter(wide)
        .map((grant) => `${name} allows ${worded(grant)}`),
    ),
    ...ofType(deployed, "iam/role").flatMap(({ name, inputs }) => [
      ...((inputs.managedPolicyArns ?? []) as string[]).map((arn) => `${name} has ${arn}`),
      ...(inputs.inlinePolicies && name !== "MaintenanceRole" ? [`${name} has a policy inside`] : []),
    ]),
    ...ofType(deployed, "iam/rolePolicyAttachment").map(({ name }) => `${name} attaches a policy`),
  ];
}

/** The schedule may call `maintain`, and nothing else. */
export function scheduleCallsMaintain(deployed: Deployed): readonly string[] {
  const [role] = ofType(deployed, "iam/role").filter(({ name }) => name === "MaintenanceRole");
  const policy = JSON.parse(role?.inputs.inlinePolicies[0].policy ?? "{}") as Record<string, unknown>;
  const wanted = {
    statements: [
      {
        actions: ["lambda:InvokeFunction"],
        resources: [`arn:aws:lambda:us-east-1:123456789012:function:mosaic-${deployed.stage}-maintain`],
      },
    ],
  };
  return JSON.stringify(policy) === JSON.stringify(wanted) ? [] : [`the schedule may ${JSON.stringify(policy)}`];
}

/**
 * An AWS account that takes everything: what it would answer to Pulumi when a resource is made or looked up. Only what
 * other resources are made of: ARNs, names, addresses.
 */
export const accountId = "123456789012";
export const region = "us-east-1";

type Values = Readonly<Record<string, unknown>>;

const arn = (service: string, rest: string): string => `arn:aws:${service}:${region}:${accountId}:${rest}`;

/** Pulumi's type of the resource → what AWS would add to `inputs`, of which `name` is the physical name. */
const outputs: Readonly<Record<string, (name: string, inputs: Values) => Values>> = {
  "aws:s3/bucket:Bucket": (name) => ({ bucket: name, arn: `arn:aws:s3:::${name}` }),
  "aws:sqs/queue:Queue": (name) => ({
    arn: arn("sqs", name),
    url: `https://sqs.${region}.amazonaws.com/${accountId}/${name}`,
  }),
  "aws:lambda/function:Function": (name) => ({ arn: arn("lambda", `function:${name}`), version: "$LATEST" }),
  "aws:lambda/functionUrl:FunctionUrl": (name) => ({ functionUrl: `https://${name}.lambda-url.${region}.on.aws/` }),
  "aws:iam/role:Role": (name) => ({ arn: `arn:aws:iam::${accountId}:role/${name}` }),
  "aws:cloudwatch/logGroup:LogGroup": (name) => ({ arn: arn("logs", `log-group:${name}`) }),
  "aws:sns/topic:Topic": (name) => ({ arn: arn("sns", name) }),
  "aws:apigatewayv2/api:Api": () => ({
    apiEndpoint: `https://a1b2c3.execute-api.${region}.amazonaws.com`,
    executionArn: arn("execute-api", "a1b2c3"),
  }),
  "aws:apigatewayv2/domainName:DomainName": (_name, inputs) => ({
    domainNameConfiguration: {
      ...(inputs["domainNameConfiguration"] as Values),
      targetDomainName: `d-a1b2c3.execute-api.${region}.amazonaws.com`,
      hostedZoneId: "Z2OJLYMUO9EFXC",
    },
  }),
  "aws:acm/certificate:Certificate": (name) => ({
    arn: arn("acm", `certificate/${name}`),
    domainValidationOptions: [],
  }),
  "aws:acm/certificateValidation:CertificateValidation": (_name, inputs) => ({
    certificateArn: inputs["certificateArn"],
  }),
  "random:index/randomBytes:RandomBytes": () => ({ base64: "AAAA", hex: "00" }),
};

const nameOf = (logical: string, inputs: Values): string => {
  const { name, bucket, namePrefix } = inputs;
  if (typeof name === "string") return name;
  if (typeof bucket === "string") return bucket;
  return typeof namePrefix === "string" ? `${namePrefix}1` : logical;
};

export function created(type: string, logical: string, inputs: Values, id: string | undefined) {
  const name = id ?? nameOf(logical, inputs);
  return { id: name, state: { name, ...inputs, ...outputs[type]?.(name, inputs) } };
}

/** Answers of the lookups that SST makes. A policy document is kept as the JSON of what it was asked for. */
export function lookedUp(token: string, inputs: Values): Values {
  switch (token) {
    case "aws:index/getPartition:getPartition":
      return { partition: "aws" };
    case "aws:index/getRegion:getRegion":
      return { region, name: region };
    case "aws:index/getCallerIdentity:getCallerIdentity":
      return { accountId };
    case "aws:iam/getPolicyDocument:getPolicyDocument":
      return { ...inputs, json: JSON.stringify(inputs) };
    case "aws:route53/getZone:getZone":
      return { zoneId: "Z1", name: "example.com" };
    default:
      throw new Error(`The check knows no answer to ${token}.`);
  }
}

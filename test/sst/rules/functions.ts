import { architecture, environmentOf, functions, gateway, leafFunctions, logs, runtime } from "../../../infra/table.ts";
import { differs, ofType, onlyOne } from "../support/account.ts";
import type { Deployed } from "../support/mock-run.ts";

const prefixOf = ({ stage }: Deployed): string => `mosaic-${stage}-`;

/** Every function of the table is there, leaves as often as asked for, and no other. */
export function everyFunction(deployed: Deployed): readonly string[] {
  const found = ofType(deployed, "lambda/function").map(({ inputs }) => inputs.name as string);
  const wanted = Object.keys(functions).flatMap((name) =>
    name === "leaf"
      ? [...Array(deployed.leafFunctions ?? leafFunctions.default).keys()].map((n) => `leaf-${n}`)
      : [name],
  );
  return differs("the set of functions", found.toSorted(), wanted.map((name) => prefixOf(deployed) + name).toSorted());
}

/** Memory, disk, time, processor, settings: what the table says. */
export function limits(deployed: Deployed): readonly string[] {
  const bucket = onlyOne(deployed, "s3/bucket")?.inputs.bucket as string;
  return ofType(deployed, "lambda/function").flatMap(({ inputs }) => {
    const kind = (inputs.name as string).slice(prefixOf(deployed).length).replace(/-\d+$/, "");
    const spec = functions[kind as keyof typeof functions];
    if (spec === undefined) return [`${inputs.name} is not in the table`];
    const { SST_KEY: _key, SST_KEY_FILE: _file, SST_RESOURCE_App: _app, ...environment } = inputs.environment.variables;
    const wanted = environmentOf(spec, {
      bucket,
      queueUrl: deployed.outputs["queue"] ?? "",
      app: "mosaic",
      stage: deployed.stage,
      leafFunctions: deployed.leafFunctions ?? leafFunctions.default,
    });
    return [
      ...differs(`${kind}: memory`, inputs.memorySize, spec.memoryMb),
      ...differs(`${kind}: disk`, inputs.ephemeralStorage.size, spec.tmpMb),
      ...differs(`${kind}: timeout`, inputs.timeout, spec.timeoutSeconds),
      ...differs(`${kind}: processor`, inputs.architectures, [architecture]),
      ...differs(`${kind}: runtime`, inputs.runtime, runtime),
      ...differs(`${kind}: handler`, inputs.handler, "index.handler"),
      ...differs(`${kind}: reserved`, inputs.reservedConcurrentExecutions, spec.reservedConcurrency),
      ...differs(`${kind}: settings`, Object.entries(environment).toSorted(), Object.entries(wanted).toSorted()),
    ];
  });
}

/**
 * What any account takes, also a new one, which has 3,008 MB of memory a function, and ten environments in all to reserve
 * from (AWS Lambda developer guide, "Lambda quotas").
 */
export function accountTakes(deployed: Deployed): readonly string[] {
  return ofType(deployed, "lambda/function").flatMap(({ inputs }) => {
    const { name, description, memorySize, ephemeralStorage, timeout, environment } = inputs;
    const within = (what: string, value: number, least: number, most: number): readonly string[] =>
      value >= least && value <= most ? [] : [`${name}: ${what} ${value} is not from ${least} to ${most}`];
    return [
      ...within("memory", memorySize, 128, 3008),
      ...within("disk", ephemeralStorage.size, 512, 10_240),
      ...within("timeout", timeout, 1, 900),
      ...within("characters of its name", name.length, 1, 64),
      ...within("characters of its description", description.length, 1, 256),
      ...within("bytes of its settings", Buffer.byteLength(JSON.stringify(environment.variables)), 2, 4096),
      ...differs(`${name}: reserved environments`, inputs.reservedConcurrentExecutions, undefined),
      ...differs(`${name}: network of its own`, inputs.vpcConfig, undefined),
    ];
  });
}

/** Every function writes to a log that forgets. */
export function logsForget(deployed: Deployed): readonly string[] {
  const groups = ofType(deployed, "cloudwatch/logGroup");
  const names = new Set(groups.map(({ inputs }) => inputs.name as string));
  return [
    ...groups.flatMap(({ name, inputs }) => differs(`${name}: days`, inputs.retentionInDays, logs.retentionDays)),
    ...ofType(deployed, "lambda/function")
      .filter(
        ({ inputs }) =>
          !names.has(inputs.loggingConfig?.logGroup) || inputs.loggingConfig.logGroup !== `/aws/lambda/${inputs.name}`,
      )
      .map(({ inputs }) => `${inputs.name} writes no log of its own`),
  ];
}

/** What HTTP APIs take (API Gateway developer guide, "Quotas for HTTP APIs"): 30 s, in all regions. */
const mostPatienceMs = 30_000;

/** One route takes everything to `api`, within the gateway's limits, and every call is noted. */
export function gatewayCallsApi(deployed: Deployed): readonly string[] {
  const api = onlyOne(deployed, "apigatewayv2/api")?.inputs;
  const integration = onlyOne(deployed, "apigatewayv2/integration")?.inputs;
  const stage = onlyOne(deployed, "apigatewayv2/stage")?.inputs;
  const route = onlyOne(deployed, "apigatewayv2/route")?.inputs;
  const log = ofType(deployed, "cloudwatch/logGroup").find(({ name }) => name === "GatewayAccessLog")?.inputs.name;
  const patience = integration?.timeoutMilliseconds;
  return [
    ...differs("the kind of API", [api?.protocolType, api?.corsConfiguration], ["HTTP", {}]),
    ...differs("the route", [route?.routeKey, route?.authorizationType], ["$default", "NONE"]),
    ...differs("its function", integration?.integrationUri.split(":").at(-1), `${prefixOf(deployed)}api`),
    ...differs("its kind", integration?.integrationType, "AWS_PROXY"),
    ...differs("its payload", integration?.payloadFormatVersion, "2.0"),
    ...differs("its patience", patience, gateway.timeoutSeconds * 1000),
    ...(patience > mostPatienceMs ? [`its patience is more than ${mostPatienceMs} ms`] : []),
    ...differs("the stage", [stage?.name, stage?.autoDeploy], ["$default", true]),
    ...differs("requests a second", stage?.defaultRouteSettings?.throttlingRateLimit, gateway.rateLimit),
    ...differs("requests at once", stage?.defaultRouteSettings?.throttlingBurstLimit, gateway.burstLimit),
    ...differs("the log of calls", stage?.accessLogSettings?.destinationArn.split(":log-group:").at(-1), log),
    // Others may have rights to write to it that have to be listed one by one, of which there are few (AWS, as above).
    ...differs("its name begins", log?.startsWith("/aws/vendedlogs/apis/"), true),
  ];
}

/** Who may call a function: the gateway `api`, for itself; anybody `stream`, by its URL and not otherwise. */
export function callers(deployed: Deployed): readonly string[] {
  const prefix = prefixOf(deployed);
  const found = ofType(deployed, "lambda/permission").map(({ inputs }) => {
    const { principal, action, sourceArn, functionUrlAuthType, invokedViaFunctionUrl } = inputs;
    const called = (inputs.function as string).split(":").at(-1);
    return [principal, action, called, sourceArn, functionUrlAuthType, invokedViaFunctionUrl && "by URL"]
      .filter((word) => word !== undefined)
      .join(" ");
  });
  return differs("callers", found.toSorted(), [
    // Since October 2025 a URL needs both rights (AWS Lambda developer guide, "Control access to Lambda function URLs").
    `* lambda:InvokeFunction ${prefix}stream by URL`,
    `* lambda:InvokeFunctionUrl ${prefix}stream NONE`,
    `apigateway.amazonaws.com lambda:InvokeFunction ${prefix}api arn:aws:execute-api:us-east-1:123456789012:a1b2c3/*`,
  ]);
}

/** The only function URL is that of `stream`; it streams, asks for no signature of AWS, and answers no browser's question. */
export function streamStreams(deployed: Deployed): readonly string[] {
  const url = onlyOne(deployed, "lambda/functionUrl")?.inputs;
  return [
    ...differs("the URL's function", url?.functionName, `${prefixOf(deployed)}stream`),
    ...differs("its mode", url?.invokeMode, "RESPONSE_STREAM"),
    ...differs("who is asked", url?.authorizationType, "NONE"),
    ...differs("origins", url?.cors, undefined),
  ];
}

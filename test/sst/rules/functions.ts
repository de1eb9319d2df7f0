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

/** One route takes everything to `api`, within the gateway's limits; nobody else may call a function but by URL. */
export function gatewayCallsApi(deployed: Deployed): readonly string[] {
  const integration = onlyOne(deployed, "apigatewayv2/integration")?.inputs;
  const stage = onlyOne(deployed, "apigatewayv2/stage")?.inputs;
  const callers = ofType(deployed, "lambda/permission").map(
    ({ inputs }) => `${inputs.principal} ${inputs.action} ${(inputs.function as string).split(":").at(-1)}`,
  );
  const prefix = prefixOf(deployed);
  return [
    ...differs("the route", onlyOne(deployed, "apigatewayv2/route")?.inputs.routeKey, "$default"),
    ...differs("its function", integration?.integrationUri.split(":").at(-1), `${prefix}api`),
    ...differs("its payload", integration?.payloadFormatVersion, "2.0"),
    ...differs("its patience", integration?.timeoutMilliseconds, gateway.timeoutSeconds * 1000),
    ...differs("requests a second", stage?.defaultRouteSettings?.throttlingRateLimit, gateway.rateLimit),
    ...differs("requests at once", stage?.defaultRouteSettings?.throttlingBurstLimit, gateway.burstLimit),
    ...differs("callers", callers.toSorted(), [
      `* lambda:InvokeFunction ${prefix}stream`,
      `* lambda:InvokeFunctionUrl ${prefix}stream`,
      `apigateway.amazonaws.com lambda:InvokeFunction ${prefix}api`,
    ]),
  ];
}

/** The only function URL is that of `stream`, and it streams. */
export function streamStreams(deployed: Deployed): readonly string[] {
  const url = onlyOne(deployed, "lambda/functionUrl")?.inputs;
  return [
    ...differs("the URL's function", url?.functionName, `${prefixOf(deployed)}stream`),
    ...differs("its mode", url?.invokeMode, "RESPONSE_STREAM"),
  ];
}

import type { Options } from "./options.ts";
import { gateway, logs } from "./table.ts";

const retention = { 30: "1 month" } as const;

/** One route for everything: the application knows its paths, and answers 404 as a problem document. */
export function createApi(api: sst.aws.Function, { domain, certificate }: Options): sst.aws.ApiGatewayV2 {
  const gate = new sst.aws.ApiGatewayV2("Gateway", {
    cors: false,
    accessLog: { retention: retention[logs.retentionDays] },
    ...(domain !== undefined && {
      domain: certificate === undefined ? domain : { name: domain, dns: false as const, cert: certificate },
    }),
    transform: {
      stage: (args) => {
        args.defaultRouteSettings = {
          throttlingRateLimit: gateway.rateLimit,
          throttlingBurstLimit: gateway.burstLimit,
        };
      },
    },
  });
  gate.route("$default", api.arn, {
    transform: { integration: { timeoutMilliseconds: gateway.timeoutSeconds * 1000 } },
  });
  return gate;
}

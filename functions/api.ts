/** The HTTP API behind API Gateway. */
import { gatewayHandler } from "./http/handlers.ts";
import { rootService } from "./root-service.ts";
import { functionSettings } from "./settings.ts";

export const handler = gatewayHandler(await rootService(functionSettings()));

/** The same API behind a function URL, whose answers leave piece by piece. */
import { streamingHandler } from "./http/handlers.ts";
import { rootService } from "./root-service.ts";
import { functionSettings } from "./settings.ts";

export const handler = streamingHandler(await rootService(functionSettings()));

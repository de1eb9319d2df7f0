/**
 * The function `api` for tests: with the embedder of the tests, and settings that come as JSON in MOSAIC_TEST_SETTINGS.
 */
import { gatewayHandler } from "../../../functions/http/handlers.ts";
import { rootService } from "../../../functions/root-service.ts";
import { functionSettings } from "../../../functions/settings.ts";
import type { Settings } from "../../../src/base/index.ts";
import { letters } from "./letters.ts";

const { useOwnEmbedder, ...settings } = JSON.parse(process.env["MOSAIC_TEST_SETTINGS"] ?? "{}") as Partial<Settings> & {
  readonly useOwnEmbedder?: boolean;
};
const service = await rootService(functionSettings(settings), useOwnEmbedder === true ? {} : { embedder: letters });

export const handler = gatewayHandler(service);

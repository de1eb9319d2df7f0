import { errorFields, packageVersion } from "../../base/index.ts";
import { startServer } from "../../http/index.ts";
import { type Command, exitDone, wholeOption } from "../command.ts";
import { indexOwnDocs, isNewFolder } from "../first-start.ts";

export const serve: Command = {
  name: "serve",
  operands: "",
  summary: "Serves the API on http://localhost:4040.",
  takes: [0, 0],
  options: {
    port: { type: "string", placeholder: "N", help: "port (PORT, 4040); 0 picks a free one" },
    host: { type: "string", placeholder: "ADDRESS", help: "address to bind (HOST, 127.0.0.1)" },
  },
  details: "Stops on SIGTERM and SIGINT after the requests under way; a second signal stops at once.",
  async run(context) {
    const { options, output, clock, random, logger, open } = context;
    const portNumber = wholeOption(context, "port", 0, 65_535);
    const port = portNumber === undefined ? {} : { port: portNumber };
    const host = typeof options["host"] === "string" ? { host: options["host"] } : {};
    const settings = { ...context.settings, ...port, ...host };
    const isNew = isNewFolder(settings.storagePath);
    const engine = await open();
    const server = await startServer(engine, settings, { logger, clock, random });
    logger.info("listening", { url: server.url, storage: settings.storagePath, version: packageVersion });
    if (output.isWatched)
      output.note(`Mosaic ${packageVersion} on ${server.url}, documents in ${settings.storagePath}`);
    const failed = (message: string) => (error: unknown) => logger.error(message, errorFields(error));
    // Neither is waited for: the first answers do not need them.
    if (isNew)
      indexOwnDocs(engine, clock).then(
        (count) => logger.info("indexed Mosaic's own docs", { collection: "docs", documents: count }),
        failed("docs not indexed"),
      );
    else engine.warm().catch(failed("model not loaded"));
    engine.workInBackground().catch(failed("jobs not resumed"));
    await untilSignal(() => output.note("stopping at once"));
    logger.info("stopping");
    await server.close();
    return exitDone;
  },
};

/** Resolves on the first signal; the second ends the process. */
function untilSignal(beforeExit: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let seen = false;
  const onSignal = (): void => {
    if (seen) {
      beforeExit();
      process.exit(1);
    }
    seen = true;
    resolve();
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, onSignal);
  return promise;
}

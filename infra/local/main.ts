/**
 * `npm run cloud`: Mosaic as it is deployed, on this machine. `--port`, `--stream-port` and `--s3-port` choose ports, `--leaves`
 * how many leaf functions there are, `--schedule` runs what the schedule would as often as there.
 */
import { once } from "node:events";
import { systemClock } from "../../src/base/index.ts";
import { schedule } from "../table.ts";
import { type LocalCloud, scheduleEvent, startCloud } from "./cloud.ts";
import { type CommandOptions, commandOptions, told } from "./cloud-options.ts";
import { buildForThisMachine } from "./packages.ts";
import { mustBeFree } from "./serving.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function onSchedule(cloud: LocalCloud): void {
  systemClock.schedule(schedule.everyMinutes * 60_000, () => {
    void cloud.invoke(schedule.function, scheduleEvent());
    onSchedule(cloud);
  });
}

async function start({ port, streamPort, s3Port, leaves }: CommandOptions): Promise<LocalCloud> {
  // Before the functions are built, which takes a while.
  for (const chosen of [port, streamPort, s3Port]) await mustBeFree(chosen);
  say("building the functions …");
  return await startCloud({
    folders: await buildForThisMachine(),
    leafFunctions: leaves,
    environment: { MOSAIC_ALLOW_OPEN: "1" },
    ports: { gateway: port, stream: streamPort, s3: s3Port },
    onDenied: (what) => process.stderr.write(`not in AWS: ${what}\n`),
    onLog: (name, text) => process.stderr.write(text.replaceAll(/^(?=.)/gm, `${name}: `)),
  });
}

async function run(options: CommandOptions): Promise<void> {
  const cloud = await start(options);
  if (options.schedule) onSchedule(cloud);
  say(`
API            ${cloud.url}          API Gateway → api
streaming      ${cloud.streamUrl}          function URL → stream
S3             ${cloud.s3?.endpoint ?? ""}          ${cloud.storagePath}, in memory; inbox/ → queue → ingest
Lambda Invoke  ${cloud.invokeUrl}
functions      ${cloud.lambda.names.join(", ")}

curl -X POST ${cloud.url}/api/v1/documents -H 'content-type: application/json' -d '{"id":"1","text":"a tool that finds duplicate files"}'
curl -X POST ${cloud.url}/api/v1/search -H 'content-type: application/json' -d '{"query":"find duplicates"}'

Ctrl-C ends it.`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await cloud.close();
}

try {
  await run(commandOptions(process.argv.slice(2)));
} catch (error) {
  const known = told(error);
  if (known === undefined) throw error;
  process.stderr.write(`${known.text}\n`);
  process.exit(known.code);
}

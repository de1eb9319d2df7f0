/**
 * `npm run cloud`: Mosaic as it is deployed, on this machine. `--port`, `--stream-port` and `--s3-port` choose ports, `--leaves`
 * how many leaf functions there are, `--schedule` runs what the schedule would as often as there.
 */
import { once } from "node:events";
import { parseArgs } from "node:util";
import { systemClock } from "../../src/base/index.ts";
import { leafFunctions, schedule } from "../table.ts";
import { type LocalCloud, scheduleEvent, startCloud } from "./cloud.ts";
import { buildForThisMachine } from "./packages.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "4050" },
    "stream-port": { type: "string", default: "4051" },
    "s3-port": { type: "string", default: "4052" },
    leaves: { type: "string", default: String(leafFunctions.default) },
    schedule: { type: "boolean", default: false },
  },
});

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function onSchedule(cloud: LocalCloud): void {
  systemClock.schedule(schedule.everyMinutes * 60_000, () => {
    void cloud.invoke(schedule.function, scheduleEvent());
    onSchedule(cloud);
  });
}

say("building the functions …");
const cloud = await startCloud({
  folders: await buildForThisMachine(),
  leafFunctions: Number(values.leaves),
  environment: { MOSAIC_ALLOW_OPEN: "1" },
  ports: { gateway: Number(values.port), stream: Number(values["stream-port"]), s3: Number(values["s3-port"]) },
  onDenied: (what) => process.stderr.write(`not in AWS: ${what}\n`),
  onLog: (name, text) => process.stderr.write(text.replaceAll(/^(?=.)/gm, `${name}: `)),
});
if (values.schedule) onSchedule(cloud);
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

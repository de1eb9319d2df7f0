import { asMosaicError, errorFields, type Logger, type TenantName } from "../../src/base/index.ts";
import type { JobEvent } from "../jobs/job-event.ts";
import { lambdaClient } from "./lambda-client.ts";

/**
 * Calls `maintain` for a job that was written down, and does not wait for it. A call that is refused is only noted: the
 * schedule's next run finds the job as well. `name` empty: every job waits for that.
 */
export function jobCaller(name: string, logger: Logger): (tenant: TenantName, id: string) => Promise<void> {
  return async (tenant, id) => {
    if (name === "") return;
    try {
      const { client, InvokeCommand } = await lambdaClient();
      const event: JobEvent = { job: { tenant, id } };
      const Payload = Buffer.from(JSON.stringify(event));
      await client.send(new InvokeCommand({ FunctionName: name, InvocationType: "Event", Payload }));
    } catch (error) {
      logger.warn("a job waits for the next scheduled run", {
        id,
        ...errorFields(asMosaicError(error, "call maintain")),
      });
    }
  };
}

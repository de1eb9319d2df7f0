import { schedule } from "./table.ts";

/** No retries: the next tick is the second try, and maintenance goes on where it stopped. */
export function createSchedule(maintain: sst.aws.Function): void {
  new sst.aws.CronV2("Maintenance", {
    function: maintain.arn,
    schedule: `rate(${schedule.everyMinutes} minutes)`,
    retries: 0,
  });
}

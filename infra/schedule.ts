import type { Options } from "./options.ts";

/** No retries: the next tick is the second try, and maintenance goes on where it stopped. */
export function createSchedule(maintain: sst.aws.Function, { maintenanceMinutes }: Options): void {
  new sst.aws.CronV2("Maintenance", {
    function: maintain.arn,
    schedule: `rate(${maintenanceMinutes} minutes)`,
    retries: 0,
  });
}

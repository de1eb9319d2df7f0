import { type TenantName, tenantName } from "../../src/base/index.ts";

/** What `maintain` is called with for one job, where the schedule's event asks for everything. */
export interface JobEvent {
  readonly job: { readonly tenant: TenantName; readonly id: string };
}

/** Undefined for any other event. Throws for a job that can't be one. */
export function jobOf(event: unknown): JobEvent["job"] | undefined {
  if (typeof event !== "object" || event === null || !("job" in event)) return undefined;
  const { tenant, id } = event.job as { readonly tenant?: unknown; readonly id?: unknown };
  if (typeof tenant !== "string" || typeof id !== "string") throw new Error("this event names no job");
  return { tenant: tenantName(tenant), id };
}

import { ofType } from "../support/account.ts";
import type { Deployed } from "../support/mock-run.ts";

/** All that is made before a resource, and so removed after it. */
function before(deployed: Deployed, name: string): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (one: string): void => {
    for (const resource of deployed.resources.filter((resource) => resource.name === one))
      for (const next of resource.waitsFor) {
        if (found.has(next)) continue;
        found.add(next);
        visit(next);
      }
  };
  visit(name);
  return found;
}

/**
 * AWS looks when these are made whether the others are there: a queue that lets S3 write, a role that may read the queue.
 * A function that is called before its log is made may not make one; one that is removed after it, neither.
 */
export function order(deployed: Deployed): readonly string[] {
  const wanted: (readonly [string, readonly string[]])[] = [
    ["FilesNotification", ["InboxPolicy"]],
    ["InboxMapping", ["InboxQueue", "IngestFunction", "IngestRolePolicy"]],
    ["MaintenanceSchedule", ["MaintainFunction", "MaintenanceRole"]],
    ["GatewayStage", ["GatewayAccessLog"]],
    ...ofType(deployed, "lambda/function").map(({ name }) => {
      const own = name.replace(/Function$/, "");
      return [name, [`${own}Log`, `${own.replace(/\d+$/, "")}RolePolicy`]] as const;
    }),
  ];
  return wanted.flatMap(([name, earlier]) => {
    const found = before(deployed, name);
    return earlier.filter((one) => !found.has(one)).map((one) => `${name} does not wait for ${one}`);
  });
}

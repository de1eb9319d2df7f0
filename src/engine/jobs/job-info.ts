import { formatTimestamp } from "../../base/index.ts";
import type { Job } from "../../lifecycle/index.ts";
import type { JobInfo } from "../api.ts";

export const infoOf = (job: Job): JobInfo => ({
  id: job.id,
  kind: job.kind,
  collection: job.collection,
  status: job.status,
  created_at: job.createdAt,
  updated_at: job.updatedAt,
  waits_until: job.waitsUntilMs === null ? null : formatTimestamp(job.waitsUntilMs),
  progress: job.progress,
  result: job.result,
  error: job.error,
});

import type { Scope } from "../base/index.ts";
import { dueByPolicy } from "../lifecycle/index.ts";
import type { Manifest } from "../manifest/index.ts";
import type { ArchiveRequest, JobInfo, RestoreRequest } from "./api.ts";
import { checkChoice, checkClass, checkMovable, checkShards, checkSpeed, checkSpeedOf } from "./check-archive.ts";
import type { EngineParts } from "./collection.ts";
import { ArchiveJob, RestoreJob } from "./jobs/archiving.ts";
import type { Jobs } from "./jobs/jobs.ts";
import type { Reads } from "./reads.ts";

/** Shards between classes of storage, on demand and by policy. */
export class Archive {
  readonly archiving: ArchiveJob;
  readonly restoring: RestoreJob;
  readonly #parts: EngineParts;
  readonly #reads: Reads;

  constructor({ parts, reads }: { readonly parts: EngineParts; readonly reads: Reads }) {
    this.#parts = parts;
    this.#reads = reads;
    this.archiving = new ArchiveJob(parts);
    this.restoring = new RestoreJob({ clock: parts.clock, pollMs: parts.settings.restorePollMs });
  }

  async archive(jobs: Jobs, scope: Scope, request: ArchiveRequest): Promise<JobInfo> {
    const choice = checkChoice(request);
    const asked = request.storage_class;
    const storageClass = asked === undefined ? undefined : checkClass("storage_class", asked);
    const input = await this.#reads.fresh(scope, async ({ log: { manifest } }) => {
      checkShards(manifest, choice.shards ?? []);
      const { archiveClass = this.#parts.settings.archiveClass } = manifest.settings;
      const target = storageClass ?? archiveClass;
      checkMovable(manifest, choice.shards ?? [], target, scope);
      return { choice, storageClass: target };
    });
    return await jobs.begin(this.archiving, scope, input);
  }

  async restore(jobs: Jobs, scope: Scope, { shards, speed = "standard" }: RestoreRequest): Promise<JobInfo> {
    const asked = { shards: shards ?? null, speed: checkSpeed(speed), days: this.#parts.settings.restoreCopyDays };
    await this.#reads.fresh(scope, async ({ log: { manifest } }) => {
      checkShards(manifest, shards ?? []);
      checkSpeedOf(manifest, shards, asked.speed);
    });
    return await jobs.begin(this.restoring, scope, asked);
  }

  /** Begins what the collection's policy asks for; undefined when that is nothing. */
  async applyPolicies(jobs: Jobs, scope: Scope): Promise<JobInfo | undefined> {
    const input = await this.#reads.fresh(scope, async ({ log: { manifest } }) => this.#dueIn(manifest));
    return input === undefined ? undefined : await jobs.begin(this.archiving, scope, input);
  }

  /** Whether the policy asks for anything, told from the manifest alone. */
  asksFor(manifest: Manifest): boolean {
    return this.#dueIn(manifest) !== undefined;
  }

  #dueIn(manifest: Manifest): Parameters<ArchiveJob["run"]>[0]["input"] | undefined {
    const { settings, clock } = this.#parts;
    const { archiveAfterDays = settings.archiveAfterDays, archiveClass = settings.archiveClass } = manifest.settings;
    if (archiveAfterDays === 0) return undefined;
    const due = dueByPolicy(manifest, archiveAfterDays, clock.now());
    return due.length === 0 ? undefined : { choice: { shards: due.map(({ id }) => id) }, storageClass: archiveClass };
  }
}

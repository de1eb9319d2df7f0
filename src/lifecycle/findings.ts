import { asMosaicError } from "../base/index.ts";
import type { ObjectRef } from "../manifest/index.ts";

export interface Problem {
  readonly object: string;
  readonly code: string;
  readonly detail: string;
}

export interface Repair {
  readonly object: string;
  /**
   * `restored`: as it was; `rebuilt`: from what it was made of; `quarantined`: set aside, and kept; `dropped`: given up, since it
   * can be computed again.
   */
  readonly action: "restored" | "rebuilt" | "quarantined" | "dropped";
  readonly detail: string;
}

/** A shard of a colder class; one that must be restored first could not be read. */
export interface ArchivedFinding {
  readonly shard: string;
  readonly storage_class: string;
  readonly documents: number;
  readonly needs_restore: boolean;
}

/** What a verification has seen so far. */
export class Findings {
  readonly problems: Problem[] = [];
  /** The shard of each live id. */
  readonly live = new Map<string, string>();
  readonly archived: ArchivedFinding[] = [];
  readonly #prefix: string;
  objects = 0;
  bytes = 0;

  /** `prefix`: of the collection's keys. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  say(object: string, code: string, detail: string): void {
    this.problems.push({ object, code, detail });
  }

  /** Runs `task`; its failure is a problem of the object that the error names, or else of `object`. */
  async attempt(object: string, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      const { key = object, code, message } = asMosaicError(error, "verify");
      this.say(key.startsWith(this.#prefix) ? key : object, code, message);
    }
  }

  saw({ sizeBytes }: Pick<ObjectRef, "sizeBytes">): void {
    this.objects++;
    this.bytes += sizeBytes;
  }

  noteLive(shard: string, id: string): void {
    const other = this.live.get(id);
    if (other !== undefined) this.say(shard, "duplicate_id", `${JSON.stringify(id)} is live in ${other} as well.`);
    this.live.set(id, shard);
  }
}

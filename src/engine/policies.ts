import { type Clock, errorFields, type Logger, type Scope, type TenantName } from "../base/index.ts";
import { heartbeat } from "./jobs/heartbeat.ts";

interface PolicyParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly intervalMs: number;
  readonly tenants: () => Promise<readonly TenantName[]>;
  readonly collections: (tenant: TenantName) => Promise<readonly Scope[]>;
  readonly apply: (scope: Scope) => Promise<unknown>;
  /** Takes away what is known of files and jobs that are long over. */
  readonly forget: () => Promise<unknown>;
}

/**
 * For a process that stays: applies the policies of all collections of all tenants, again and again. Requests of a round: 1
 * LIST of the tenants, 1 of each one's collections, and those of a read of each collection; then what `forget` takes.
 */
export class Policies {
  readonly #parts: PolicyParts;
  #stop: () => void = () => undefined;
  #stopped = false;

  constructor(parts: PolicyParts) {
    this.#parts = parts;
  }

  start(): void {
    const { clock, intervalMs } = this.#parts;
    if (!this.#stopped) this.#stop = heartbeat(clock, intervalMs, () => this.round());
  }

  stop(): void {
    this.#stopped = true;
    this.#stop();
  }

  /** One collection whose policy can't be applied holds up no other. */
  async round(): Promise<void> {
    const { logger, tenants, collections, apply } = this.#parts;
    try {
      for (const tenant of await tenants()) {
        for (const scope of await collections(tenant)) {
          if (this.#stopped) return;
          await apply(scope).catch((error: unknown) =>
            logger.warn("could not apply the policies of a collection", { ...scope, ...errorFields(error) }),
          );
        }
      }
      if (!this.#stopped) await this.#parts.forget();
    } catch (error) {
      logger.warn("could not apply policies; they will be tried again", errorFields(error));
    }
  }
}

import { MosaicError } from "../../base/index.ts";
import type { ObjectStore } from "../../store/index.ts";
import type { EncodedLayout } from "../pages/layout.ts";
import { decodeSummary, type Summary } from "../summary/summary.ts";
import { type ImmutableRef, readChecked } from "./local-objects.ts";

/** Decoded summaries of one collection's live shards, in memory. */
export class Summaries {
  readonly #store: ObjectStore;
  readonly #onLayout: (fileKey: string, layout: EncodedLayout) => void;
  readonly #byShard = new Map<string, Summary>();
  /** The file whose layout was told last: a shard that is moved has another. */
  readonly #told = new Map<string, string>();

  /** `onLayout`: told where things lie in a shard's file, as soon as it is known. */
  constructor(store: ObjectStore, onLayout: (fileKey: string, layout: EncodedLayout) => void = () => undefined) {
    this.#store = store;
    this.#onLayout = onLayout;
  }

  /** Fetches the missing ones, one GET each, in parallel. */
  async load(
    shards: readonly { readonly id: string; readonly file: ImmutableRef; readonly summary: ImmutableRef }[],
  ): Promise<void> {
    await Promise.all(
      shards.map(async ({ id, file, summary }) => {
        const known = this.#byShard.get(id);
        if (known !== undefined && this.#told.get(id) === file.key) return;
        const decoded = known ?? decodeSummary(await readChecked(this.#store, summary), summary.key);
        this.#byShard.set(id, decoded);
        this.#told.set(id, file.key);
        if (decoded.layout !== undefined) this.#onLayout(file.key, decoded.layout);
      }),
    );
  }

  /** Undefined for a shard that is not live any more. */
  find(shard: string): Summary | undefined {
    return this.#byShard.get(shard);
  }

  /** Of a shard whose manifest was made current: it was loaded before. */
  of(shard: string): Summary {
    const summary = this.find(shard);
    if (summary !== undefined) return summary;
    throw new MosaicError("internal", "plan", { hint: `the summary of ${shard} was not loaded` });
  }

  /** Forgets the shards that `isLive` says no to. */
  keepOnly(isLive: (shard: string) => boolean): void {
    for (const shard of this.#byShard.keys()) {
      if (isLive(shard)) continue;
      this.#byShard.delete(shard);
      this.#told.delete(shard);
    }
  }
}

import type { Scope } from "../base/index.ts";
import type { Manifest } from "../manifest/index.ts";
import type { Segment } from "./segment.ts";
import { Tail } from "./tail.ts";

/** A collection as it was: one manifest and, if asked for, the log after it up to a moment. It never changes. */
export class PastLog {
  readonly scope: Scope;
  readonly manifest: Manifest;
  readonly tail: Tail;
  /** It is what it was. */
  readonly isOld = false;

  private constructor(scope: Scope, manifest: Manifest, tail: Tail) {
    this.scope = scope;
    this.manifest = manifest;
    this.tail = tail;
  }

  /**
   * `untilMs`: segments written until then, by their writers' clocks, belong to it; undefined: none. One GET a segment.
   * Segments are kept as long as the manifest is.
   */
  static async read(
    scope: Scope,
    manifest: Manifest,
    untilMs: number | undefined,
    readSegment: (sequence: number) => Promise<Segment | undefined>,
  ): Promise<PastLog> {
    const tail = new Tail(manifest.foldedThrough);
    while (untilMs !== undefined) {
      const segment = await readSegment(tail.lastSequence + 1);
      if (segment === undefined || segment.atMs > untilMs) break;
      tail.append(segment.incarnation === manifest.incarnation ? segment.operations : []);
    }
    return new PastLog(scope, manifest, tail);
  }

  async refresh(): Promise<void> {
    // The past is what it was.
  }
}

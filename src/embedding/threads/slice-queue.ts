import type { EmbedCall } from "./embed-call.ts";

/** Some texts of one call, short enough that a thread is soon free again for somebody who waits. */
export interface Slice {
  readonly call: EmbedCall;
  readonly from: number;
  readonly texts: readonly string[];
  /** Threads that died over it. */
  readonly deaths: number;
}

const maxTexts = 8;
/** About 1,000 tokens of English: 30 ms for short texts, 200 ms for full ones. */
const maxCharacters = 4096;
/** A call of at most this many texts is somebody waiting for a search or a document. */
const interactiveTexts = 4;

/** Who is next: slices of dead threads, then interactive calls in order, then the large calls by turns. */
export class SliceQueue {
  readonly #returned: Slice[] = [];
  readonly #interactive: EmbedCall[] = [];
  readonly #large: EmbedCall[] = [];

  add(call: EmbedCall): void {
    (call.texts.length <= interactiveTexts ? this.#interactive : this.#large).push(call);
  }

  putBack(slice: Slice): void {
    this.#returned.push({ ...slice, deaths: slice.deaths + 1 });
  }

  take(): Slice | undefined {
    const returned = this.#returned.shift();
    if (returned !== undefined) return returned.call.settled ? this.take() : returned;
    const line = [this.#interactive, this.#large].find((calls) => calls.length > 0);
    const call = line?.shift();
    if (line === undefined || call === undefined) return undefined;
    if (call.exhausted) return this.take();
    const slice = cut(call);
    if (!call.exhausted) line === this.#interactive ? line.unshift(call) : line.push(call);
    return slice;
  }

  /** Every call that still waits for a thread; they leave the queue. */
  drain(): EmbedCall[] {
    const slices = this.#returned.splice(0).map(({ call }) => call);
    return [...slices, ...this.#interactive.splice(0), ...this.#large.splice(0)];
  }
}

function cut(call: EmbedCall): Slice {
  const from = call.next;
  let characters = 0;
  do {
    characters += call.texts[call.next]?.length ?? 0;
    call.next += 1;
  } while (
    call.next < call.texts.length &&
    call.next - from < maxTexts &&
    characters + (call.texts[call.next]?.length ?? 0) <= maxCharacters
  );
  return { call, from, texts: call.texts.slice(from, call.next), deaths: 0 };
}

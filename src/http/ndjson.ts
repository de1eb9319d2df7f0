import { asMosaicError, type Scope } from "../base/index.ts";
import type { BatchProblem, BatchResult } from "../engine/index.ts";
import { type Line, splitLines } from "../formats/index.ts";
import { faultOf, parseJson } from "./body.ts";
import { RequestError } from "./problem.ts";

/** Errors beyond this many are only counted: the answer stays bounded whatever is sent. */
const maxErrors = 10_000;

export interface NdjsonSink {
  readonly maxDocs: number;
  readonly maxBytes: number;
  putMany(scope: Scope, documents: readonly unknown[]): Promise<BatchResult>;
}

/** What has been stored and refused so far. */
class Tally {
  accepted = 0;
  readonly errors: BatchProblem[] = [];
  omitted = 0;

  refuse(error: BatchProblem): void {
    if (this.errors.length < maxErrors) this.errors.push(error);
    else this.omitted++;
  }

  result(): BatchResult & { readonly errors_omitted?: number } {
    const errors = this.errors.toSorted((a, b) => a.index - b.index);
    return { accepted: this.accepted, errors, ...(this.omitted === 0 ? {} : { errors_omitted: this.omitted }) };
  }
}

interface Group {
  readonly documents: unknown[];
  readonly lines: number[];
  bytes: number;
}

const emptyGroup = (): Group => ({ documents: [], lines: [], bytes: 0 });

/** Adds the line's document to the group, or its fault to the tally. */
function take(line: Line, group: Group, tally: Tally): void {
  if (line.text === undefined) {
    const { code = "invalid", detail = "" } = line.fault ?? {};
    tally.refuse({ index: line.index, code, detail });
    return;
  }
  try {
    group.documents.push(parseJson(line.text));
    group.lines.push(line.index);
    group.bytes += line.bytes;
  } catch (error) {
    tally.refuse({ index: line.index, ...faultOf(error) });
  }
}

async function store(scope: Scope, group: Group, tally: Tally, sink: NdjsonSink): Promise<void> {
  if (group.documents.length === 0) return;
  const { accepted, errors } = await sink.putMany(scope, group.documents);
  tally.accepted += accepted;
  for (const error of errors) tally.refuse({ ...error, index: group.lines[error.index] ?? error.index });
}

/** A failure after some groups are stored says how far it came, so that the client sends only the rest again. */
function interrupted(error: unknown, tally: Tally, nextIndex: number): RequestError {
  const { kind, code, detail, retryAfterMs } = asMosaicError(error, "store a stream");
  const members = { ...tally.result(), next_index: nextIndex };
  return new RequestError(kind, code, detail, {
    members,
    cause: error,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/**
 * Stores a stream of lines in groups of at most `maxDocs` documents and `maxBytes` bytes, one after the other: nothing
 * is read ahead of a write that is under way. A line that is no document is an error of its own and stops nothing.
 */
export async function storeLines(
  scope: Scope,
  chunks: AsyncIterable<Uint8Array>,
  sink: NdjsonSink,
): Promise<ReturnType<Tally["result"]>> {
  const tally = new Tally();
  let group = emptyGroup();
  let nextIndex = 0;
  const flush = async (): Promise<void> => {
    await store(scope, group, tally, sink);
    nextIndex = (group.lines.at(-1) ?? nextIndex - 1) + 1;
    group = emptyGroup();
  };
  try {
    for await (const line of splitLines(chunks, sink.maxBytes)) {
      if (group.bytes + line.bytes > sink.maxBytes) await flush();
      take(line, group, tally);
      if (group.documents.length >= sink.maxDocs) await flush();
    }
    await flush();
  } catch (error) {
    throw interrupted(error, tally, nextIndex);
  }
  return tally.result();
}

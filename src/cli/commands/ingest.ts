import { statSync } from "node:fs";
import { patiently } from "../../base/index.ts";
import type { BatchProblem, Engine } from "../../engine/index.ts";
import { formatOf, type Read } from "../../formats/index.ts";
import { type Command, type Context, exitDone, exitFailed } from "../command.ts";
import { countText, durationText, plural } from "../output.ts";
import { Progress } from "../progress.ts";
import { documentsOf, standardInput } from "../source.ts";

/** Problems beyond these are only counted. */
const shownProblems = 20;

export const ingest: Command = {
  name: "ingest",
  operands: "FILE…",
  summary:
    "Stores the documents of files: .ndjson, .json, .csv, .md, .txt, each also .gz; - is NDJSON from standard input.",
  takes: [1, Number.POSITIVE_INFINITY],
  details: "A document that is refused is named on standard error and harms no other; the exit code is 1 then.",
  async run(context) {
    for (const path of context.positionals) if (path !== standardInput) formatOf(path);
    const engine = await context.open();
    const run = new Ingestion(context, engine);
    for (const path of context.positionals) await run.file(path);
    return await run.finish();
  },
};

/** One run over some files: what was read, stored and refused. */
class Ingestion {
  readonly #context: Context;
  readonly #engine: Engine;
  readonly #progress: Progress;
  readonly #totalBytes: number | undefined;
  #readBytes = 0;
  #accepted = 0;
  #refused = 0;
  #batch: { readonly read: Read; readonly path: string }[] = [];

  constructor(context: Context, engine: Engine) {
    this.#context = context;
    this.#engine = engine;
    this.#progress = new Progress(context.output, context.clock);
    this.#totalBytes = sizeOf(context.positionals);
  }

  async file(path: string): Promise<void> {
    const onRead = (bytes: number): void => {
      this.#readBytes += bytes;
    };
    const { maxBodyBytes: maxLineBytes, maxTextBytes } = this.#context.settings;
    for await (const read of documentsOf(path, this.#context.stdin, onRead, { maxLineBytes, maxTextBytes })) {
      if (read.fault === undefined) this.#batch.push({ read, path });
      else this.#refuse(path, read.place, read.fault.detail);
      if (this.#batch.length >= this.#context.settings.maxBatchDocs) await this.#store();
    }
    await this.#store();
  }

  async finish(): Promise<number> {
    const { output, scope, json } = this.#context;
    this.#progress.update("writing shards");
    // Whoever ingested a file searches next: the fold would happen anyway, a little later.
    if (this.#accepted > 0) await this.#engine.fold(scope);
    this.#progress.clear();
    const { elapsedMs } = this.#progress;
    const rate = Math.round(this.#accepted / Math.max(0.001, elapsedMs / 1000));
    if (json) output.json({ accepted: this.#accepted, refused: this.#refused, took_ms: Math.round(elapsedMs) });
    const refused = this.#refused === 0 ? "" : `, ${countText(this.#refused)} refused`;
    output.note(
      `${plural(this.#accepted, "document")} stored in ${scope.collection}${refused}; ${durationText(elapsedMs)}, ${countText(rate)} documents/s`,
    );
    return this.#refused === 0 ? exitDone : exitFailed;
  }

  async #store(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length === 0) return;
    const { clock, scope } = this.#context;
    const documents = batch.map(({ read }) => read.document);
    const { accepted, errors } = await patiently(clock, () => this.#engine.putMany(scope, documents));
    this.#accepted += accepted;
    for (const problem of errors) this.#report(problem, batch);
    const share = this.#totalBytes === undefined ? undefined : this.#readBytes / this.#totalBytes;
    const rate = Math.round(this.#accepted / (this.#progress.elapsedMs / 1000));
    this.#progress.update(`${countText(this.#accepted)} documents, ${countText(rate)}/s`, share);
  }

  #report({ index, code, detail }: BatchProblem, batch: readonly { read: Read; path: string }[]): void {
    const { read, path } = batch[index] ?? { read: { place: `document ${index}` }, path: "" };
    // It is stored all the same, by its last occurrence.
    if (code === "duplicate_id") this.#note(`${path}: ${read.place}: ${detail}`);
    else this.#refuse(path, read.place, detail);
  }

  #refuse(path: string, place: string, detail: string): void {
    this.#refused++;
    if (this.#refused === shownProblems + 1) this.#note("further refusals are only counted");
    if (this.#refused > shownProblems) return;
    this.#note(path === place ? `${path}: ${detail}` : `${path}: ${place}: ${detail}`);
  }

  #note(line: string): void {
    this.#progress.clear();
    this.#context.output.note(line);
  }
}

/** Bytes of all files together; undefined when standard input is among them. */
function sizeOf(paths: readonly string[]): number | undefined {
  if (paths.includes(standardInput)) return undefined;
  return paths.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
}

import type { Random } from "../base/index.ts";
import type { FailedShard, SqlData, SqlHelp, SqlShard } from "./data.ts";
import type { KnownStatement } from "./known-statements.ts";
import type { SqlValue } from "./language/values.ts";
import { PartFolder } from "./part-folder.ts";
import type { LeafPlan } from "./plan/sql-plan.ts";
import type { RunLimits } from "./process/limits.ts";
import type { BoundValues, FinalWork, GivenTable, LeafOutcome, LeafWork, Unit } from "./process/messages.ts";
import { sourcesOfShards, unitOfRows } from "./shard-sources.ts";
import { tailRows } from "./tail-rows.ts";
import type { TimedJobs } from "./timed-jobs.ts";
import { divided } from "./units.ts";

export interface HalvesOptions {
  readonly limits: RunLimits;
  readonly parallel: number;
  readonly random: Random;
  readonly workFolder: string;
  readonly jobs: TimedJobs;
  readonly help: SqlHelp;
  readonly known: KnownStatement;
}

export interface HalvesWork {
  readonly data: SqlData;
  /** The shards that may matter. */
  readonly kept: readonly SqlShard[];
  readonly values: BoundValues;
  readonly tables: readonly GivenTable[];
}

export interface HalvesDone {
  readonly rows: readonly (readonly SqlValue[])[];
  readonly failed: readonly FailedShard[];
  readonly gatheredRows: number;
  readonly gatheredBytes: number;
  readonly computeMs: number;
}

/** Statements whose leaves take less in all are not worth a second process and a second message. */
const parallelFromMs = 5;

/**
 * Runs a statement's two halves. Its leaves first run side by side; one that proves quick is from then on answered by one
 * process in one message.
 */
export class Halves {
  readonly #with: HalvesOptions;
  readonly #parts: PartFolder;

  constructor(options: HalvesOptions) {
    this.#with = options;
    this.#parts = new PartFolder(options.workFolder, options.random);
  }

  async run({ data, kept, values, tables }: HalvesWork): Promise<HalvesDone> {
    const { leaf } = this.#with.known.plan;
    if (leaf === null) return await this.#alone(null, this.#final([], values, tables), []);
    const { units, documents, failed: lost } = await sourcesOfShards(kept, leaf, values, this.#with.help);
    const counted = leaf.countsAll === true ? countsOf(data, kept) : [];
    const tail = counted.length === 0 ? tailRows(data.tail, leaf.columns) : [];
    const groups = divided(units, kept, this.#isQuick() ? 1 : this.#with.parallel);
    // Where there is nothing to read, aggregates still have a row, which an empty unit gives.
    if (tail.length + documents.length > 0 || (groups.length === 0 && counted.length === 0)) {
      const rows = unitOfRows(documents, tail);
      if (groups[0] === undefined) groups.push([rows]);
      else groups[0].push(rows);
    }
    const works = groups.map((group) => this.#leaf(leaf, group, values, groups.length));
    const final = this.#final(counted, values, tables);
    return works.length > 1
      ? await this.#sideBySide(works, final, lost)
      : await this.#alone(works[0] ?? null, final, lost);
  }

  #isQuick(): boolean {
    const { leafMs } = this.#with.known;
    return leafMs !== undefined && leafMs < parallelFromMs;
  }

  #leaf({ sql, part }: LeafPlan, units: readonly Unit[], values: BoundValues, groups: number): LeafWork {
    const { limits, known } = this.#with;
    const through = known.leafBytes > limits.memoryPartMaxBytes ? "file" : "memory";
    const [maxRows, maxBytes] = [limits.gatherMaxRows, Math.floor(limits.gatherMaxBytes / groups)];
    return { units, sql, values, part, through, path: this.#parts.next(), maxRows, maxBytes };
  }

  #final(known: FinalWork["known"], values: BoundValues, tables: readonly GivenTable[]): FinalWork {
    const { answerMaxRows: maxRows, answerMaxBytes: maxBytes } = this.#with.limits;
    const { leaf, rootSql: sql } = this.#with.known.plan;
    return { part: leaf?.part ?? null, known, tables, sql, values, maxRows, maxBytes };
  }

  async #alone(leaf: LeafWork | null, final: FinalWork, lost: readonly FailedShard[]): Promise<HalvesDone> {
    let mayHaveFile = true;
    try {
      const { rows, leaf: outcome } = await this.#with.jobs.ask({ kind: "whole", leaf, final });
      mayHaveFile = outcome?.inFile ?? false;
      return this.#done(rows, outcome === null ? [] : [outcome], lost);
    } finally {
      if (mayHaveFile) await this.#parts.remove();
    }
  }

  async #sideBySide(works: readonly LeafWork[], work: FinalWork, lost: readonly FailedShard[]): Promise<HalvesDone> {
    const { jobs } = this.#with;
    try {
      const leaves = await jobs.askAll(works.map((one) => ({ kind: "leaf", work: one }) as const));
      const { rows } = await jobs.ask({ kind: "final", work, paths: works.map(({ path }) => path) });
      const outcomes = leaves.map(({ reply }) => reply);
      return this.#done(rows, outcomes, lost);
    } finally {
      await this.#parts.remove();
    }
  }

  #done(rows: HalvesDone["rows"], outcomes: readonly LeafOutcome[], lost: readonly FailedShard[]): HalvesDone {
    const { known, jobs } = this.#with;
    const gatheredBytes = outcomes.reduce((sum, { bytes }) => sum + bytes, 0);
    const leafMs = outcomes.reduce((sum, { tookMs }) => sum + tookMs, 0);
    // Once slow may have been bad luck, or files that had to be opened; again and again is not.
    known.leafMs = Math.min(leafMs, 2 * (known.leafMs ?? leafMs));
    known.leafBytes = gatheredBytes;
    return {
      rows,
      failed: [...lost, ...outcomes.flatMap(({ failed }) => failed)],
      gatheredRows: outcomes.reduce((sum, outcome) => sum + outcome.rows, 0),
      gatheredBytes,
      computeMs: jobs.spentMs,
    };
  }
}

/** How many documents there are, as far as the manifest and the log say it: all but those of shards that must be read. */
function countsOf({ shards, tail }: SqlData, kept: readonly SqlShard[]): FinalWork["known"] {
  const counted = shards.filter((shard) => !kept.includes(shard));
  const live = counted.reduce((sum, { documents, dead }) => sum + documents - dead, 0);
  return [[BigInt(live + tail.length)]];
}

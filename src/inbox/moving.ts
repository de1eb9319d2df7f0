import { isMosaicError, type MosaicError } from "../base/index.ts";
import type { ObjectStore } from "../store/index.ts";
import { HeldFile, type StateParts, type StoredRecord } from "./held-file.ts";
import { type InboxFile, placeUnder, withTime } from "./names.ts";
import { type FileRecord, isOver, type Refusal } from "./record.ts";
import type { Taken } from "./taken.ts";

/** A file is read when any of it was stored, or nothing in it was at fault. */
export const outcomeOf = ({ fault, accepted, refused }: FileRecord): "processed" | "failed" =>
  fault !== null || (accepted === 0 && refused > 0) ? "failed" : "processed";

/** Where it goes; beside an earlier file of its name it gets the time at which it was dropped. */
export async function targetOf(
  store: ObjectStore,
  { key }: InboxFile,
  outcome: "processed" | "failed",
  modifiedMs: number,
): Promise<string> {
  const plain = placeUnder(`${outcome}/`, key);
  return (await store.head(plain)) === undefined ? plain : withTime(plain, modifiedMs);
}

/**
 * Report, copy, deletion, last word: each is harmless to do again, and only the deletion takes anything away, of the very
 * file that was read and copied.
 */
export async function moveFile({ store }: StateParts, file: InboxFile, held: HeldFile): Promise<Taken> {
  const { record } = held;
  const { accepted, refused } = record;
  const target = record.target ?? placeUnder("failed/", file.key);
  const status = record.outcome ?? "failed";
  if (record.fault !== null || refused > 0) await putReport(store, target, reportOf(file, record));
  await held.confirm();
  try {
    await store.copy(file.key, target);
    await store.delete(file.key, { ifMatch: record.etag });
  } catch (error) {
    // It is gone, or another one has come meanwhile: that one is read for itself.
    if (!isMosaicError(error, "not_found", "conflict")) throw error;
  }
  await held.release({ status, tries: 0, trouble: null });
  return { status, key: file.key, target, accepted, refused };
}

/** The file is gone: moved by somebody who could not say so any more, or taken away. */
export async function finishRecord(
  parts: StateParts,
  file: InboxFile,
  before: StoredRecord | undefined,
): Promise<Taken> {
  const gone: Taken = { status: "gone", key: file.key };
  if (before === undefined || isOver(before.record) || before.record.untilMs > parts.clock.now()) return gone;
  const { record } = before;
  const wasMoved = record.target !== null && (await parts.store.head(record.target)) !== undefined;
  const info = { ...record, storageClass: "STANDARD" };
  const held = await HeldFile.take(parts, file, info, before);
  await held?.release({ status: wasMoved ? (record.outcome ?? "gone") : "gone" });
  return gone;
}

/** A file that belongs to no collection: out of the inbox, with a word why. */
export async function setAside(store: ObjectStore, key: string, { code, detail }: MosaicError): Promise<Taken> {
  const source = await store.head(key);
  if (source === undefined) return { status: "gone", key };
  const target = placeUnder("failed/", key);
  const fault = { place: key, code, detail };
  await putReport(store, target, {
    file: key,
    status: "failed",
    accepted: 0,
    refused: 0,
    fault,
    errors: [],
    errors_omitted: 0,
  });
  await store.copy(key, target);
  await store.delete(key, { ifMatch: source.etag });
  return { status: "failed", key, target, accepted: 0, refused: 0 };
}

interface Report {
  readonly file: string;
  readonly status: string;
  readonly accepted: number;
  readonly refused: number;
  readonly fault: Refusal | null;
  readonly errors: readonly Refusal[];
  readonly errors_omitted: number;
}

const reportOf = ({ key }: InboxFile, record: FileRecord): Report => ({
  file: key,
  status: record.outcome ?? "failed",
  accepted: record.accepted,
  refused: record.refused,
  fault: record.fault,
  errors: record.refusals,
  errors_omitted: record.refused - record.refusals.length,
});

async function putReport(store: ObjectStore, target: string, report: Report): Promise<void> {
  const body = Buffer.from(`${JSON.stringify(report, null, 1)}\n`);
  await store.put(`${target}.error.json`, body, { contentType: "application/json" });
}

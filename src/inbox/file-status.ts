import { formatTimestamp, type TenantName } from "../base/index.ts";
import type { ObjectInfo, ObjectStore } from "../store/index.ts";
import { readRecord } from "./held-file.ts";
import { inboxPrefix, isFile } from "./names.ts";
import { type FileRecord, isOver, type Refusal } from "./record.ts";

/**
 * `waiting`: dropped · `reading`: somebody is at it · `retrying`: a try failed, another will come · `processed`, `failed`:
 * read and moved · `gone`: taken away before it was read.
 */
export type InboxStatus = "waiting" | "reading" | "retrying" | "processed" | "failed" | "gone";

/** What was dropped, and what became of it. Times in their stored form. */
export interface FileStatus {
  /** `<collection>/<name>`, as it was dropped. */
  readonly file: string;
  readonly status: InboxStatus;
  readonly bytes: number;
  readonly dropped_at: string;
  readonly updated_at: string;
  readonly accepted: number;
  readonly refused: number;
  /** Why the file, or its rest, could not be read; or why the last try failed. */
  readonly fault: { readonly code: string; readonly detail: string } | null;
  /** The first of what was refused; all that is named lies beside the moved file. */
  readonly errors: readonly Refusal[];
  readonly moved_to: string | null;
}

export interface InboxPage {
  readonly files: readonly FileStatus[];
  /** The next page begins after it; null on the last one. */
  readonly next: string | null;
}

export interface InboxQuery {
  /** Files whose name begins so: `<collection>/…`. */
  readonly prefix?: string;
  /** A page begins after this file. */
  readonly after?: string;
  readonly limit: number;
}

const shownErrors = 20;

/** A tenant's files by name. Two LISTs a page of at most 1000, and one GET a file. */
export async function listInbox(
  store: ObjectStore,
  tenant: TenantName,
  { prefix = "", after = "", limit }: InboxQuery,
  nowMs: number,
): Promise<InboxPage> {
  const under = (root: string): Promise<Map<string, ObjectInfo>> =>
    listed(store, `${root}${tenant}/`, { prefix, after, limit: limit + 1 });
  const [waiting, known] = await Promise.all([under(inboxPrefix), under("inbox-state/")]);
  const names = [...new Set([...waiting.keys(), ...known.keys()])].sort((a, b) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  const page = names.slice(0, limit);
  const files = await Promise.all(page.map((name) => statusOf(store, tenant, name, waiting.get(name), nowMs)));
  return {
    files: files.filter((file) => file !== undefined),
    next: names.length > limit ? (page.at(-1) ?? null) : null,
  };
}

async function listed(
  store: ObjectStore,
  root: string,
  { prefix, after, limit }: Required<InboxQuery>,
): Promise<Map<string, ObjectInfo>> {
  const found = new Map<string, ObjectInfo>();
  const from = after === "" ? {} : { startAfter: root + after };
  for await (const info of store.list(root + prefix, { ...from, limit })) found.set(info.key.slice(root.length), info);
  return found;
}

async function statusOf(
  store: ObjectStore,
  tenant: TenantName,
  name: string,
  dropped: ObjectInfo | undefined,
  nowMs: number,
): Promise<FileStatus | undefined> {
  if (dropped !== undefined && !isFile(dropped.key)) return undefined;
  const stored = await readRecord(store, { key: `${inboxPrefix}${tenant}/${name}` });
  const record = stored?.record;
  const isKnown =
    record !== undefined &&
    (dropped === undefined || (record.etag === dropped.etag && record.modifiedMs === dropped.modifiedMs));
  if (isKnown) return told(name, record, nowMs);
  return dropped === undefined ? undefined : untold(name, dropped);
}

function told(file: string, record: FileRecord, nowMs: number): FileStatus {
  const { status, untilMs, trouble, fault, refusals, accepted, refused } = record;
  const begun: InboxStatus = untilMs > nowMs ? "reading" : trouble === null ? "waiting" : "retrying";
  const why = fault ?? trouble;
  return {
    file,
    status: isOver(record) ? (status as "processed" | "failed" | "gone") : begun,
    bytes: record.sizeBytes,
    dropped_at: formatTimestamp(record.modifiedMs),
    updated_at: formatTimestamp(record.updatedMs),
    accepted,
    refused,
    fault: why === null ? null : { code: why.code, detail: why.detail },
    errors: refusals.slice(0, shownErrors),
    moved_to: isOver(record) && status !== "gone" ? record.target : null,
  };
}

const untold = (file: string, { sizeBytes, modifiedMs }: ObjectInfo): FileStatus => ({
  file,
  status: "waiting",
  bytes: sizeBytes,
  dropped_at: formatTimestamp(modifiedMs),
  updated_at: formatTimestamp(modifiedMs),
  accepted: 0,
  refused: 0,
  fault: null,
  errors: [],
  moved_to: null,
});

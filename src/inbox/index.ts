/**
 * inbox: what becomes of the files that users drop?
 * Answers: reads inbox/ files of any size as a stream, hands their documents on, moves them to processed/ or failed/; says
 * what was dropped and what became of it.
 * Owns: inbox/, processed/, failed/ and inbox-state/ of the storage.
 * Never: checks, embeds or stores a document itself.
 */
export { type FileStatus, type InboxPage, type InboxQuery, type InboxStatus, listInbox } from "./file-status.ts";
export { Inbox, type InboxParts, type InboxSettings, type Sink, type Sweep, type Swept, type Taken } from "./inbox.ts";
export { InboxWatch } from "./watch.ts";

import { type JsonFault, jsonFault } from "./json-fault.ts";

/** A document as read, not yet checked; or why what stands there is none. */
export interface Read {
  /** Grows within a file: the line, or the number of the document, from 1. */
  readonly at: number;
  /** For people: `line 7`. */
  readonly place: string;
  /** Of the file's text that it takes. */
  readonly bytes: number;
  /** NDJSON: bytes of text up to and with this line's end, from where reading began. */
  readonly end?: number;
  readonly document?: unknown;
  readonly fault?: { readonly code: string; readonly detail: string };
  /** The file itself is at fault, not what stands there: it cannot be read, or no further. */
  readonly cut?: boolean;
}

export interface ReadOptions {
  /** What the file is called where that is the only name it has: the id of a text. */
  readonly name: string;
  /** Longest line of NDJSON, element of JSON or row of CSV. */
  readonly maxLineBytes: number;
  readonly maxTextBytes: number;
  /** NDJSON: lines before the first that is read. */
  readonly linesBefore?: number;
}

export function parsed(text: string): Pick<Read, "document" | "fault"> {
  try {
    return { document: JSON.parse(text) as unknown };
  } catch {
    return { fault: { code: "malformed_json", detail: whereFrom(jsonFault(text)) } };
  }
}

/** Where a line of a file is at fault, the column says it: it has but one line of its own. */
const whereFrom = (fault: JsonFault): string => fault.detail.replace(/^Line 1, c/, "C");

/**
 * formats: which documents does a file hold?
 * Answers: the documents of NDJSON, JSON, CSV, Markdown and plain text, zipped or not, one by one; where a line is at fault.
 * Owns: nothing.
 * Never: opens a file or an object, checks a document, or holds more of a file than one document.
 */
export { countedChunks, unzipped } from "./content.ts";
export { type Format, formatOf, formats, type Read, type ReadOptions } from "./documents.ts";
export { type JsonFault, jsonFault } from "./json-fault.ts";
export { splitJson } from "./json-items.ts";
export { type Line, splitLines } from "./lines.ts";
export { type Section, sectionsOf } from "./markdown.ts";

/**
 * text: which terms does a text hold?
 * Answers: the terms of a text in order and where they stand, what a typed query asks for, the passage that shows it best.
 * Owns: tokens, folding, stems, the syntax of text queries.
 * Never: knows documents, statistics or files.
 */
export { Analyzer, type Token } from "./analyzer.ts";
export { bestPassage, type TermWeight } from "./highlight.ts";
export { defaultLanguage, isLanguage, languageNames } from "./languages.ts";
export { type Clause, parseTextQuery, type TextQuery, textQueryLimits } from "./query.ts";

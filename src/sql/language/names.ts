import type { Select } from "sqlite3-parser";
import { lower } from "./documents.ts";
import { rewrite } from "./tree.ts";

/**
 * TRUE and FALSE are words only where they are not quoted. The tree does not say, so the source is asked once, here;
 * from then on every name in the tree may be quoted.
 */
export function markWords(select: Select, source: string): Select {
  return rewrite(select, (node) => {
    if (node.type !== "Id" || /["'`[]/.test(source.charAt(node.span.offset))) return undefined;
    const name = lower(node.name);
    if (name !== "true" && name !== "false") return undefined;
    return { type: "KeywordLiteral", value: name.toUpperCase(), span: node.span };
  });
}

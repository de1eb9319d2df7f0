export interface Section {
  /** As GitHub makes them: lower case, spaces to hyphens, no punctuation; empty above the first heading. */
  readonly anchor: string;
  /** From the document's title down to this section's. */
  readonly headings: readonly string[];
  readonly text: string;
}

const heading = /^(#{1,6})\s+(.*?)\s*#*$/;
const fence = /^\s*(```|~~~)/;

/** A Markdown text cut at its headings; sections without text of their own are left out. */
export function sectionsOf(markdown: string): readonly Section[] {
  const sections: Section[] = [];
  const anchors = new Map<string, number>();
  let headings: string[] = [];
  let anchor = "";
  let lines: string[] = [];
  let fenced = false;
  const finish = (): void => {
    const text = lines.join("\n").trim();
    if (text !== "") sections.push({ anchor, headings, text });
    lines = [];
  };
  for (const line of markdown.split(/\r?\n/)) {
    if (fence.test(line)) fenced = !fenced;
    const [, marks, title] = fenced ? [] : (heading.exec(line) ?? []);
    if (marks === undefined || title === undefined) lines.push(line);
    else {
      finish();
      headings = [...headings.slice(0, marks.length - 1), title];
      anchor = unique(anchors, title);
    }
  }
  finish();
  return sections;
}

function unique(anchors: Map<string, number>, title: string): string {
  const plain = title
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .trim()
    .replaceAll(" ", "-");
  const before = anchors.get(plain) ?? 0;
  anchors.set(plain, before + 1);
  return before === 0 ? plain : `${plain}-${before}`;
}

/** The first heading of a Markdown text, if it has one. */
export const titleOf = (markdown: string): string | undefined => /^#{1,6}\s+(.*?)\s*#*$/m.exec(markdown)?.[1];

/** Where in `text` the first thing that is not JSON stands. Engines' own messages say it only sometimes. */
export interface JsonFault {
  /** From 1, in lines and in UTF-16 units, as editors count. */
  readonly line: number;
  readonly column: number;
  readonly detail: string;
}

const space = /[ \t\n\r]*/y;
const scalar = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const escapeSequence = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

const after = (pattern: RegExp, text: string, at: number): number => {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
};

/** End of the string that opens at `at`; as `fault`, the place where it breaks. */
function stringEnd(text: string, at: number): { readonly end: number } | { readonly fault: number } {
  for (let i = at + 1; i < text.length; ) {
    const unit = text.charCodeAt(i);
    if (unit === 0x22) return { end: i + 1 };
    if (unit < 0x20) return { fault: i };
    const next = unit === 0x5c ? after(escapeSequence, text, i) : i + 1;
    if (next === i) return { fault: i };
    i = next;
  }
  return { fault: text.length };
}

type Expect = "value" | "value or ]" | "key" | "key or }" | ":" | ", or ]" | ", or }" | "end";

/** Offset of the first fault, walking token by token with an explicit stack: no input is too deep. */
function faultOffset(text: string): { readonly offset: number; readonly expected: Expect | "string" } {
  const open: ("[" | "{")[] = [];
  let expect: Expect = "value";
  const closed = (): Expect => (open.length === 0 ? "end" : open.at(-1) === "[" ? ", or ]" : ", or }");
  for (let at = after(space, text, 0); ; at = after(space, text, at)) {
    const sign = text[at];
    const fault = { offset: at, expected: expect };
    if (sign === undefined) return fault;
    if (sign === '"' && (expect.startsWith("key") || expect.startsWith("value"))) {
      const string = stringEnd(text, at);
      if ("fault" in string) return { offset: string.fault, expected: "string" };
      expect = expect.startsWith("key") ? ":" : closed();
      at = string.end;
    } else if (expect.startsWith("value") && (sign === "[" || sign === "{")) {
      open.push(sign);
      expect = sign === "[" ? "value or ]" : "key or }";
      at++;
    } else if ((sign === "]" || sign === "}") && expect.endsWith(sign)) {
      open.pop();
      expect = closed();
      at++;
    } else if (expect.startsWith("value")) {
      const end = after(scalar, text, at);
      if (end === at) return fault;
      expect = closed();
      at = end;
    } else if (sign === ":" && expect === ":") {
      expect = "value";
      at++;
    } else if (sign === "," && expect.startsWith(",")) {
      expect = expect === ", or ]" ? "value" : "key";
      at++;
    } else return fault;
  }
}

const words: Record<Expect | "string", string> = {
  value: "a value",
  "value or ]": "a value or ]",
  key: "a key in quotes",
  "key or }": "a key in quotes or }",
  ":": "a colon",
  ", or ]": "a comma or ]",
  ", or }": "a comma or }",
  end: "nothing more",
  string: "a valid string (closed, control characters escaped)",
};

/** Describes why `text`, which JSON.parse refused, is not JSON. */
export function jsonFault(text: string): JsonFault {
  const { offset, expected } = faultOffset(text);
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  const column = offset - before.lastIndexOf("\n");
  const found = offset >= text.length ? "the end" : JSON.stringify(String.fromCodePoint(text.codePointAt(offset) ?? 0));
  return { line, column, detail: `Line ${line}, column ${column}: expected ${words[expected]}, found ${found}.` };
}

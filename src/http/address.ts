import { RequestError } from "./problem.ts";

const badEscape = (code: string, cause: unknown): RequestError =>
  new RequestError("invalid", code, "The address holds a % that is not followed by UTF-8 in two hex digits a byte.", {
    cause,
  });

function unescaped(text: string, code: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw badEscape(code, cause);
  }
}

/** The last part of the path, decoded once and strictly: `a%252Fb` is the id `a%2Fb`, and `%ff` is refused. */
export const lastSegment = (url: string): string =>
  unescaped(new URL(url).pathname.split("/").at(-1) ?? "", "invalid_id");

function pairs(url: string): [string, string][] {
  const parts = new URL(url).search.slice(1).split("&").filter(Boolean);
  return parts.map((part) => {
    const [name = "", value = ""] = part.replaceAll("+", " ").split(/=(.*)/s);
    return [unescaped(name, "invalid_query"), unescaped(value, "invalid_query")];
  });
}

/** The query string. A parameter given twice is refused: two readers could each take another one for the true one. */
export function queryOf(url: string): Readonly<Record<string, string>> {
  const found = new Map<string, string>();
  for (const [name, value] of pairs(url)) {
    if (found.has(name))
      throw new RequestError("invalid", "invalid_query", `The parameter ${JSON.stringify(name)} is given twice.`);
    found.set(name, value);
  }
  return Object.fromEntries(found);
}

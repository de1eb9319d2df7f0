import type { OpenApiDocument } from "./openapi.ts";
import { batchProblemList, problemList } from "./problem-list.ts";

/** The parts of the document that the page shows, as plain JSON. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly example?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
}
interface Call {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema: Schema;
    readonly description?: string;
  }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema; readonly example?: unknown }>>;
  };
  readonly responses: Readonly<
    Record<
      string,
      { readonly description: string; readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }
    >
  >;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => entities[sign] ?? "");
const prose = (text: string): string => escaped(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
const code = (text: string): string => `<code>${escaped(text)}</code>`;

const refName = (ref: string): string => ref.split("/").at(-1) ?? "";

function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined)
    return `<a href="#${escaped(refName(schema.$ref))}">${escaped(refName(schema.$ref))}</a>`;
  if (schema.enum !== undefined) return schema.enum.map((value) => code(JSON.stringify(value))).join(" | ");
  if (schema.items !== undefined) return `array of ${typeOf(schema.items)}`;
  return escaped([schema.type ?? "any"].flat().join(" | "));
}

function limitsOf({ minimum, maximum, default: fallback }: Schema): string {
  const range = minimum !== undefined && maximum !== undefined ? ` ${minimum}–${maximum}.` : "";
  return `${range}${fallback === undefined ? "" : ` Default ${code(JSON.stringify(fallback))}.`}`;
}

const row = (name: string, schema: Schema, required: boolean, about = schema.description ?? ""): string =>
  `<tr><td>${code(name)}${required ? " *" : ""}<td>${typeOf(schema)}<td>${prose(about)}${limitsOf(schema)}`;

const table = (rows: readonly string[]): string => (rows.length === 0 ? "" : `<table>${rows.join("\n")}</table>`);

const fieldsOf = (schema: Schema): string =>
  table(
    Object.entries(schema.properties ?? {}).map(([name, field]) =>
      row(name, field, schema.required?.includes(name) ?? false),
    ),
  );

function exampleAddress(path: string, call: Call): string {
  const filled = path.replaceAll("{id}", "doc1").replaceAll("{name}", "documents");
  return call.parameters?.some((parameter) => parameter.in === "query" && parameter.required)
    ? `${filled}?id=doc1`
    : filled;
}

/** A command that can be pasted into a shell; JSON examples hold no single quote. */
function curl(
  method: string,
  path: string,
  call: Call,
  schemas: Readonly<Record<string, Schema>>,
  origin: string,
): string {
  const words = [
    "curl -s",
    ...(method === "get" ? [] : [`-X ${method.toUpperCase()}`]),
    `'${origin}${exampleAddress(path, call)}'`,
  ];
  const media = call.requestBody?.content["application/json"];
  if (media !== undefined) {
    const example = media.example ?? schemas[refName(media.schema.$ref ?? "")]?.example;
    words.push("-H 'Content-Type: application/json'", `-d '${JSON.stringify(example)}'`);
  }
  return `<pre>${escaped(words.join(" \\\n  "))}</pre>`;
}

function callSection(
  method: string,
  path: string,
  call: Call,
  schemas: Readonly<Record<string, Schema>>,
  origin: string,
): string {
  const parameters = (call.parameters ?? []).map((p) =>
    row(`${p.name} (${p.in})`, p.schema, p.required ?? false, p.description ?? p.schema.description),
  );
  const bodies = Object.entries(call.requestBody?.content ?? {}).map(
    ([type, { schema }]) => `<p>Body ${code(type)}: ${typeOf(schema)}</p>`,
  );
  const answers = Object.entries(call.responses).map(([status, { description, content }]) => {
    const shown = Object.values(content ?? {}).map(({ schema }) => typeOf(schema));
    return `<tr><td>${status}<td>${shown.join(", ")}<td>${prose(description).replaceAll("\n- ", "<br>").replace(/^- /, "")}`;
  });
  return `<section id="${escaped(call.operationId)}"><h3>${method.toUpperCase()} ${escaped(path)}</h3>
<p>${prose(call.summary)}. ${prose(call.description ?? "")}</p>
${curl(method, path, call, schemas, origin)}${bodies.join("")}
<details><summary>Parameters and answers</summary>${table(parameters)}${table(answers)}</details></section>`;
}

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
pre{background:#f4f4f2;padding:.75rem;overflow:auto;border-radius:4px}code,pre{font:14px/1.5 ui-monospace,monospace}
table{border-collapse:collapse;width:100%;margin:.5rem 0}td{border-top:1px solid #ddd;padding:.35rem .6rem;vertical-align:top;text-align:left}
h3{margin-top:2.5rem}:target{background:#fff7d6}@media(prefers-color-scheme:dark){body{background:#161616;color:#e8e8e8}pre{background:#242424}td{border-color:#3a3a3a}a{color:#8ab4f8}:target{background:#3a3413}}`;

/** The document as a page for people: no script, no font, no request to anywhere. `origin` goes into the examples. */
export function docsPage(document: OpenApiDocument, origin: string): string {
  const plain = document as unknown as {
    paths: Record<string, Record<string, Call>>;
    components: { schemas: Record<string, Schema> };
    info: { version: string; description: string };
  };
  const { schemas } = plain.components;
  const calls = Object.entries(plain.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, call]) => ({ path, method, call })),
  );
  const list = calls.map(
    ({ path, method, call }) =>
      `<tr><td><a href="#${escaped(call.operationId)}">${method.toUpperCase()} ${escaped(path)}</a><td>${prose(call.summary)}`,
  );
  const shapes = Object.entries(schemas).map(
    ([name, schema]) => `<section id="${escaped(name)}"><h3>${escaped(name)}</h3>${fieldsOf(schema)}</section>`,
  );
  const problems = Object.entries(problemList).map(
    ([name, [status, meaning]]) => `<tr id="${name}"><td>${code(name)}<td>${status}<td>${prose(meaning)}`,
  );
  const inBatches = Object.entries(batchProblemList).map(
    ([name, meaning]) =>
      `<tr id="${name}"><td>${code(name)}<td><td>Only in the <code>errors</code> of a batch. ${prose(meaning)}`,
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Mosaic API</title><style>${style}</style>
<h1>Mosaic API ${escaped(plain.info.version)}</h1><p>${prose(plain.info.description)} The same as data: <a href="/openapi.json">/openapi.json</a>.</p>
${table(list)}<h2>Calls</h2>${calls.map(({ path, method, call }) => callSection(method, path, call, schemas, origin)).join("\n")}
<h2>Shapes</h2>${shapes.join("\n")}<h2>Problems</h2>${table([...problems, ...inBatches])}</html>`;
}

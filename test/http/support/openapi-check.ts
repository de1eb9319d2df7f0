import { z } from "zod";
import type { Answer } from "./server.ts";

interface Described {
  readonly operationId: string;
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string;
        readonly headers?: Readonly<Record<string, unknown>>;
        readonly content?: Readonly<Record<string, { readonly schema: object }>>;
      }
    >
  >;
}
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const pattern = (path: string): RegExp => new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`);

/** Holds answers against an OpenAPI document: the operation's statuses, codes, headers and schemas, and nothing beside. */
export class OpenApiCheck {
  /** Operation and status of everything that was held against the document. */
  readonly seen = new Set<string>();
  readonly #operations: readonly { readonly method: string; readonly pattern: RegExp; readonly call: Described }[];
  readonly #schemas: Readonly<Record<string, object>>;
  readonly #compiled = new Map<object, z.ZodType>();

  constructor(document: OpenApiDocument) {
    this.#schemas = JSON.parse(
      JSON.stringify(document.components.schemas).replaceAll("#/components/schemas/", "#/$defs/"),
    );
    this.#operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, call]) => ({ method, pattern: pattern(path), call })),
    );
  }

  /** What is wrong with the answer, or undefined. Addresses that the document does not have may only say just that. */
  fault(method: string, path: string, answer: Answer): string | undefined {
    const pathname = path.split("?")[0] ?? "";
    if (["/openapi.json", "/docs"].includes(pathname)) return undefined;
    const call = this.#operations.find(
      (one) => one.method === method.toLowerCase() && one.pattern.test(pathname),
    )?.call;
    const where = `${method} ${path} (${answer.status})`;
    if (call === undefined) {
      return ["not_found", "method_not_allowed"].includes(answer.body.code) ? undefined : `${where} is not described`;
    }
    const described = call.responses[answer.status];
    if (described === undefined) return `${where} lists no such status: ${JSON.stringify(answer.body)}`;
    this.seen.add(`${call.operationId} ${answer.status}`);
    const type = (answer.headers.get("content-type") ?? "").split(";")[0] ?? "";
    const schema = described.content?.[type]?.schema;
    if (schema === undefined) return `${where} lists no ${type}`;
    const checked = this.#compile(schema).safeParse(answer.body);
    if (!checked.success) return `${where}: ${z.prettifyError(checked.error)} in ${JSON.stringify(answer.body)}`;
    const missing = Object.keys(described.headers ?? {}).filter((name) => !answer.headers.has(name));
    if (missing.length > 0) return `${where} lacks ${missing.join()}`;
    if (answer.status < 400 || described.description.includes(`\`${answer.body.code}\``)) return undefined;
    return `${where} lists no ${answer.body.code}`;
  }

  #compile(schema: object): z.ZodType {
    const known = this.#compiled.get(schema);
    if (known !== undefined) return known;
    const own = JSON.parse(JSON.stringify(schema).replaceAll("#/components/schemas/", "#/$defs/")) as object;
    const compiled = z.fromJSONSchema({ ...own, $defs: this.#schemas } as Parameters<typeof z.fromJSONSchema>[0]);
    this.#compiled.set(schema, compiled);
    return compiled;
  }
}

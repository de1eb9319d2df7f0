import { MosaicError } from "../base/index.ts";

/** What `EMBEDDING_MODEL` asks for. */
export type ModelName =
  | { readonly kind: "local" }
  | { readonly kind: "none" }
  | { readonly kind: "transformers"; readonly source: string }
  | { readonly kind: "openai"; readonly model: string };

const forms = "`local`, `transformers:<model id or folder>`, `openai:<model>` or `none`";

/** Parses a model's name; throws `invalid` (code `invalid_embedding_model`) listing the forms. */
export function parseModelName(text: string): ModelName {
  if (text === "local" || text === "none") return { kind: text };
  const [, kind, rest] = /^(transformers|openai):(\S(?:.*\S)?)$/.exec(text) ?? [];
  if (kind === "transformers" && rest !== undefined) return { kind, source: rest };
  if (kind === "openai" && rest !== undefined) return { kind, model: rest };
  throw invalidModel(`EMBEDDING_MODEL must be ${forms}.`);
}

export function invalidModel(detail: string): MosaicError {
  return new MosaicError("invalid", "choose embedding model", { code: "invalid_embedding_model", detail });
}

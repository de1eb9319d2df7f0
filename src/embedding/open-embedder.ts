import { existsSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { type Clock, MosaicError, packageRoot, type Settings, systemClock } from "../base/index.ts";
import type { Embedder } from "./embedder.ts";
import { invalidModel, parseModelName } from "./model-name.ts";
import type { ModelSpec } from "./model-spec.ts";
import { noEmbedder } from "./none.ts";
import { OpenAiEmbedder } from "./openai/openai-embedder.ts";
import { ThreadedEmbedder } from "./threads/threaded-embedder.ts";

export type EmbeddingSettings = Pick<
  Settings,
  "embeddingModel" | "embeddingUrl" | "embeddingApiKey" | "embeddingThreads" | "cachePath"
>;

/**
 * The embedder that `settings.embeddingModel` names. Loads and connects to nothing until its first `embed` or `warm`.
 * Throws `invalid`: code `invalid_embedding_model` for a name of no known form or a folder that is not there,
 * `invalid_setting` when an endpoint's address is missing.
 */
export function openEmbedder(settings: EmbeddingSettings, { clock = systemClock }: { clock?: Clock } = {}): Embedder {
  const name = parseModelName(settings.embeddingModel);
  switch (name.kind) {
    case "none":
      return noEmbedder;
    case "local":
      return new ThreadedEmbedder("local/all-MiniLM-L6-v2", localModel, {
        threads: settings.embeddingThreads,
        dimensions: 384,
      });
    case "transformers":
      return new ThreadedEmbedder(`transformers:${name.source}`, otherModel(name.source, settings.cachePath), {
        threads: settings.embeddingThreads,
      });
    case "openai":
      return new OpenAiEmbedder(name.model, endpointOf(settings), clock);
  }
}

/** 256 tokens is what the model was trained for; its tokenizer would let 512 through. */
const localModel: ModelSpec = {
  from: "folder",
  folder: join(packageRoot, "models", "all-MiniLM-L6-v2"),
  dtypes: ["q8"],
  maxTokens: 256,
};

const hubId = /^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/;

/** A folder when there is one of that name, else a model of the hub, fetched once into the cache folder. */
function otherModel(source: string, cachePath: string): ModelSpec {
  const common = { dtypes: ["q8", "fp32"], maxTokens: 512 } as const;
  if (existsSync(source) && statSync(source).isDirectory()) {
    return { from: "folder", folder: resolve(source), ...common };
  }
  if (isAbsolute(source) || !hubId.test(source)) {
    throw invalidModel("EMBEDDING_MODEL names a folder that does not exist, or no model id (`owner/name`).");
  }
  return { from: "hub", id: source, cacheFolder: join(cachePath, "models"), ...common };
}

function endpointOf(settings: EmbeddingSettings): { url: string; apiKey: string | undefined } {
  const url = settings.embeddingUrl;
  if (url === undefined || !/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw new MosaicError("invalid", "choose embedding model", {
      code: "invalid_setting",
      detail: "An `openai:` model needs EMBEDDING_URL, for example https://api.openai.com/v1.",
    });
  }
  return { url, apiKey: settings.embeddingApiKey };
}

import { basename, dirname } from "node:path";
import { AutoModel, AutoTokenizer, env, type PreTrainedModel } from "@huggingface/transformers";
import type { Dtype, ModelSpec } from "../model-spec.ts";
import { type Tokens, tokenizerFor } from "./tokens.ts";

/** The rows of numbers that a run of the model gives: [1, tokens, dimensions], or [1, dimensions] when pooled. */
interface Output {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** One loaded model. Runs in a thread of its own: `embed` keeps that thread busy until it is done. */
export interface TextModel {
  readonly dimensions: number;
  embed(text: string): Promise<Float32Array<ArrayBuffer>>;
}

/** A folder is read from disk with the network switched off; only a model of the hub may be fetched. */
function allowOnly(spec: ModelSpec): string {
  const local = spec.from === "folder";
  env.allowLocalModels = local;
  env.allowRemoteModels = !local;
  env.useFSCache = !local;
  env.useBrowserCache = false;
  if (spec.from === "hub") {
    env.cacheDir = spec.cacheFolder;
    return spec.id;
  }
  env.localModelPath = `${dirname(spec.folder)}/`;
  return basename(spec.folder);
}

/**
 * One ONNX thread each: the pool is what runs in parallel, and it leaves the other cores to searches.
 *
 * Precise on every x64 processor: without VNNI, sums of int8 products are cut off at 16 bits unless this is asked for, and a
 * text's vector would be another one (cosine 0.99) than on the machine that a query or another replica runs on.
 */
const sessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  extra: { session: { x64quantprecision: "1" } },
};

async function loadSession(id: string, dtypes: readonly Dtype[]): Promise<PreTrainedModel> {
  let failure: unknown;
  for (const dtype of dtypes) {
    try {
      return await AutoModel.from_pretrained(id, { dtype, session_options: sessionOptions });
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

export async function loadModel(spec: ModelSpec): Promise<TextModel> {
  const id = allowOnly(spec);
  const tokenizer = await AutoTokenizer.from_pretrained(id);
  const model = await loadSession(id, spec.dtypes);
  const maxTokens = Math.min(spec.maxTokens, tokenizer.model_max_length ?? spec.maxTokens);
  const tokensOf = tokenizerFor(tokenizer, maxTokens);
  const embed = (text: string) => embedOne(model, tokensOf(text));
  // The first run allocates the session's buffers, and shows how long the vectors are.
  const { length: dimensions } = await embed("");
  return { dimensions, embed };
}

/**
 * One text a run: int8 scales are found anew for each run over everything in it, so that in a batch a vector would
 * depend on its neighbours (cosine down to 0.98), and no padding is needed.
 */
async function embedOne(model: PreTrainedModel, tokens: Tokens): Promise<Float32Array<ArrayBuffer>> {
  const outputs: Record<string, Output | undefined> = await model(tokens);
  const output = outputs.sentence_embedding ?? outputs.last_hidden_state ?? outputs.token_embeddings;
  if (output === undefined)
    throw new Error(`no text embedding model: its outputs are ${Object.keys(outputs).join(", ")}`);
  return normalized(meanOfRows(output));
}

/** Mean over the tokens; all count, since a text alone has no padding. */
function meanOfRows({ dims, data }: Output): Float32Array<ArrayBuffer> {
  const width = dims.at(-1) ?? 0;
  const mean = new Float32Array(width);
  for (let at = 0; at < data.length; at++) mean[at % width] = (mean[at % width] ?? 0) + (data[at] ?? 0);
  return mean;
}

/** To unit length, which also makes the sum above a mean. */
function normalized(vector: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const length = Math.hypot(...vector);
  if (!(length > 0)) throw new Error("the model gave a vector without a direction");
  return vector.map((value) => value / length);
}

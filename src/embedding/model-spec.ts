/** How transformers.js stores a model's numbers: `q8` is `onnx/model_quantized.onnx`, `fp32` `onnx/model.onnx`. */
export type Dtype = "q8" | "fp32";

interface Common {
  /** Tried in this order: a model need not offer each. */
  readonly dtypes: readonly Dtype[];
  /** A text is cut after this many tokens. */
  readonly maxTokens: number;
}

/** Which model an embedding thread loads: plain data, because it crosses into the thread. */
export type ModelSpec =
  | (Common & { readonly from: "folder"; readonly folder: string })
  | (Common & { readonly from: "hub"; readonly id: string; readonly cacheFolder: string });

/** Entry of an embedding thread: loads the model that `workerData` names, then answers one slice of texts after another. */
import { parentPort, workerData } from "node:worker_threads";
import type { ModelSpec } from "../model-spec.ts";
import type { SliceRequest, ThreadReply } from "./messages.ts";
import { loadModel, type TextModel } from "./text-model.ts";

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function say(reply: ThreadReply): void {
  const transfer = reply.kind === "vectors" ? reply.vectors.map((vector) => vector.buffer) : [];
  parentPort?.postMessage(reply, transfer);
}

async function answer(model: TextModel, texts: readonly string[]): Promise<ThreadReply> {
  const vectors: Float32Array<ArrayBuffer>[] = [];
  try {
    for (const text of texts) vectors.push(await model.embed(text));
    return { kind: "vectors", vectors };
  } catch (error) {
    return { kind: "failed", message: words(error) };
  }
}

try {
  const model = await loadModel(workerData as ModelSpec);
  parentPort?.on("message", ({ texts }: SliceRequest) => void answer(model, texts).then(say));
  say({ kind: "ready", dimensions: model.dimensions });
} catch (error) {
  say({ kind: "not_loaded", message: words(error) });
}

/** Entry of an embedding thread: loads the model that `workerData` names, then answers one slice of texts after another. */
import { parentPort, workerData } from "node:worker_threads";
import type { ModelSpec } from "../model-spec.ts";
import type { ThreadReply, ThreadRequest } from "./messages.ts";
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

const loading = loadModel(workerData as ModelSpec);
parentPort?.on("message", (request: ThreadRequest) => {
  if ("end" in request) process.exit();
  void loading.then((model) => answer(model, request.texts)).then(say, () => undefined); // not_loaded is said below
});
try {
  const { dimensions } = await loading;
  say({ kind: "ready", dimensions });
} catch (error) {
  say({ kind: "not_loaded", message: words(error) });
  parentPort?.close();
}

import { setFlagsFromString } from "node:v8";

/**
 * Address of a worker's entry file that lies beside the importing module: `.ts` in the source tree, `.js` in a bundle,
 * where all entries share one folder.
 */
export function workerUrl(importMetaUrl: string, name: string): URL {
  const fromSource = importMetaUrl.endsWith(".ts");
  if (fromSource) keepWrappers();
  return new URL(`./${name}${fromSource ? ".ts" : ".js"}`, importMetaUrl);
}

/**
 * Node 24 strips types by a WebAssembly module whose imports V8 compiles anew after 1,000 calls, and frees what it had:
 * with threads that come and go this crashed the process once in some hundred runs of the tests (a segmentation fault in
 * NativeModule::FreeCode below Runtime_TierUpWasmToJSWrapper). So it never gets there; bundles strip nothing.
 */
function keepWrappers(): void {
  setFlagsFromString("--wasm-wrapper-tiering-budget=2000000000");
}

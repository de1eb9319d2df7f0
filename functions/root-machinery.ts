import type { Settings } from "../src/base/index.ts";
import { localMachinery, type Machinery, type MachinerySurroundings } from "../src/engine/index.ts";
import { LambdaLeaves } from "../src/search/index.ts";
import { LambdaInvoker } from "./aws/lambda-invoker.ts";

/** The machinery of this environment, with leaf functions beside its own leaves when there are any. */
export function rootMachinery(settings: Settings, around: MachinerySurroundings): Machinery {
  const local = localMachinery(settings, around);
  if (settings.leafFunctions === 0) return local;
  const { clock, random } = around;
  const leaves = new LambdaLeaves({
    ...settings,
    invoker: new LambdaInvoker(settings.leafFunctionName),
    local: local.leaves,
    isHere: (file) => local.localObjects.has(file),
    clock,
    random,
  });
  return {
    ...local,
    leaves,
    noteLayout: (key, layout) => {
      local.noteLayout?.(key, layout);
      leaves.note(key, layout);
    },
  };
}

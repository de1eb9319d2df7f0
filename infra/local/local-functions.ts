import { environmentOf, type FunctionName, functions } from "../table.ts";
import type { FunctionSpec } from "./lambda/function-spec.ts";

export interface LocalFunctionsOptions {
  readonly bucket: string;
  readonly queueUrl: string;
  readonly leafFunctions: number;
  /** Folder of each function's package; those that are not there are left out. */
  readonly folders: ReadonlyMap<string, string>;
  /** Variables that every function gets beside those of the table. */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables that one of them gets. */
  readonly environmentFor?: (name: FunctionName) => Readonly<Record<string, string>>;
  /** What a test wants otherwise. */
  readonly adjust?: (spec: FunctionSpec) => FunctionSpec;
}

const app = "mosaic";
const stage = "local";
export const localName = (name: FunctionName): string => `${app}-${stage}-${name}`;

/** The functions of `infra/table.ts` as the local Lambda runs them: the leaf as often as there are leaf functions. */
export function localFunctions(options: LocalFunctionsOptions): readonly FunctionSpec[] {
  const { bucket, queueUrl, leafFunctions, folders, environment } = options;
  const { environmentFor = () => ({}), adjust = (spec) => spec } = options;
  const deployed = { bucket, queueUrl, app, stage, leafFunctions };
  return Object.values(functions).flatMap((spec) => {
    const folder = folders.get(spec.name);
    if (folder === undefined) return [];
    const local: FunctionSpec = {
      name: localName(spec.name),
      folder,
      handler: "index.handler",
      memoryMb: spec.memoryMb,
      timeoutS: spec.timeoutSeconds,
      environment: { ...environmentOf(spec, deployed), ...environmentFor(spec.name), ...environment },
    };
    if (spec.name !== "leaf") return [adjust(local)];
    return Array.from({ length: leafFunctions }, (_, at) => adjust({ ...local, name: `${local.name}-${at}` }));
  });
}

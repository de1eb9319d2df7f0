/**
 * Address of a worker's entry file that lies beside the importing module: `.ts` in the source tree, `.js` in a bundle,
 * where all entries share one folder.
 */
export const workerUrl = (importMetaUrl: string, name: string): URL =>
  new URL(`./${name}${importMetaUrl.endsWith(".ts") ? ".ts" : ".js"}`, importMetaUrl);

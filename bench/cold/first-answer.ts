/** In a process of its own: from its start to the first answer, with the times between. Runs the bundle of dist/. */
import type { Scope } from "../../src/base/index.ts";
import type { Mosaic as MosaicClass, settingsFrom as SettingsFrom } from "../../src/engine/index.ts";

const { storage, cache, query } = JSON.parse(process.argv[2] ?? "{}") as {
  storage: string;
  cache: string;
  query?: string;
};
const startedMs = performance.now();
const bundle = (await import(new URL("../../dist/engine.js", import.meta.url).href)) as {
  Mosaic: typeof MosaicClass;
  settingsFrom: typeof SettingsFrom;
};
const importedMs = performance.now();
const engine = await bundle.Mosaic.open(bundle.settingsFrom({ storagePath: storage, cachePath: cache }));
const openedMs = performance.now();
const scope = { tenant: "default", collection: "documents" } as Scope;
const vector = Array.from({ length: 384 }, (_, at) => Math.sin(at));
const { results } = await engine.search(scope, query === undefined ? { vector } : { query });
const answeredMs = performance.now();
await engine.search(scope, query === undefined ? { vector } : { query });
const again = performance.now() - answeredMs;
await engine.close();
process.stdout.write(
  JSON.stringify({
    node: startedMs,
    import: importedMs - startedMs,
    open: openedMs - importedMs,
    search: answeredMs - openedMs,
    total: answeredMs,
    again,
    results: results.length,
  }),
);

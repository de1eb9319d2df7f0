import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, collectionName, packageRoot, patiently, tenantName } from "../base/index.ts";
import type { DocumentInput, Engine } from "../engine/index.ts";
import { type Section, sectionsOf } from "../formats/index.ts";

/** A local folder in which nothing is yet. */
export function isNewFolder(storagePath: string): boolean {
  if (storagePath.includes("://")) return false;
  return !existsSync(storagePath) || readdirSync(storagePath).length === 0;
}

/** So that a first search finds something: Mosaic's own documentation, a document a section, as collection `docs`. */
export async function indexOwnDocs(engine: Engine, clock: Clock): Promise<number> {
  const scope = { tenant: tenantName("default"), collection: collectionName("docs") };
  const files = ["README.md", ...globSync("docs/**/*.md", { cwd: packageRoot })].filter((file) =>
    existsSync(join(packageRoot, file)),
  );
  const documents = files
    .sort()
    .flatMap((file) =>
      sectionsOf(readFileSync(join(packageRoot, file), "utf8")).map((section) => documentOf(file, section)),
    );
  // The server that is closed meanwhile says so by failing this.
  const { accepted } = await patiently(clock, () => engine.putMany(scope, documents));
  await engine.fold(scope);
  return accepted;
}

const documentOf = (file: string, { anchor, headings, text }: Section): DocumentInput => ({
  id: anchor === "" ? file : `${file}#${anchor}`,
  text: `${headings.join(" / ")}\n${text}`.trim(),
  metadata: { file, heading: headings.at(-1) ?? "" },
});

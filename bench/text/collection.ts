import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scopeOf, seededRandom, settingsFrom } from "../../src/base/index.ts";
import { Mosaic } from "../../src/engine/index.ts";
import { type BenchDocument, readDocuments, readVectors, rowOf } from "../data.ts";

export const scope = scopeOf("default", "documents");

export interface BenchCollection {
  readonly folder: string;
  readonly engine: Mosaic;
  readonly documents: readonly (BenchDocument & { readonly text: string })[];
  readonly vectors: Float32Array;
}

/** Enough different words where the real set is absent. */
function generatedText(at: number): string {
  const random = seededRandom(at + 1);
  return Array.from({ length: 60 }, () => wordOf(Math.floor(3000 * random() ** 3))).join(" ");
}

/** `baa`, `bab`, … */
const wordOf = (number: number): string =>
  `b${Array.from(number.toString(26), (digit) => String.fromCharCode(97 + Number.parseInt(digit, 26))).join("")}a`;

/** The data set in one collection, folded. `more` adds to a document's metadata; beyond its size it is repeated under other ids. */
export async function makeCollection(options: {
  readonly settings?: Parameters<typeof settingsFrom>[0];
  readonly withVectors: boolean;
  readonly rows?: number;
  readonly more?: (row: number) => Record<string, unknown>;
}): Promise<BenchCollection> {
  const folder = mkdtempSync(join(tmpdir(), "mosaic-bench-"));
  const originals = readDocuments().map((document, at) =>
    /^document \d+$/.test(document.text)
      ? { ...document, text: generatedText(at), metadata: { section: `s${at % 50}` } }
      : document,
  );
  const vectors = options.withVectors ? readVectors() : new Float32Array(0);
  const engine = await Mosaic.open(
    settingsFrom({
      storagePath: join(folder, "data"),
      cachePath: join(folder, "cache"),
      embeddingModel: "none",
      tailMaxBytes: 2 ** 31,
      foldBytes: 2 ** 27,
      ...options.settings,
    }),
  );
  const rows = options.rows ?? originals.length;
  const documents = Array.from({ length: rows }, (_, row) => {
    const { id, text, metadata } = originals[row % originals.length] as BenchDocument;
    const copy = Math.floor(row / originals.length);
    return { id: copy === 0 ? id : `${id}#${copy}`, text, metadata: { ...metadata, ...options.more?.(row) } };
  });
  for (let from = 0; from < rows; from += 1000) {
    const batch = documents.slice(from, from + 1000);
    await engine.putMany(
      scope,
      batch.map((document, at) =>
        options.withVectors ? { ...document, embedding: rowOf(vectors, from + at) } : document,
      ),
    );
  }
  await engine.fold(scope);
  return { folder, engine, documents, vectors };
}

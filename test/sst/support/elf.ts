import { readFileSync } from "node:fs";

export interface Elf {
  /** `e_machine` (ELF specification): 183 is AArch64. */
  readonly machine: number;
  /** Libraries that the loader looks for. */
  readonly needed: readonly string[];
  /** Where it looks for them first; `$ORIGIN` is the file's own folder. */
  readonly runpath: string | undefined;
  /** Newest versions of interfaces that it asks for: `{ GLIBC: "2.34" }`. */
  readonly versions: Readonly<Record<string, string>>;
}

const sectionOfDynamic = 6;
const tagOfNeeded = 1;
const tagOfRunpath = 29;

const newer = (a: string, b: string): number => a.localeCompare(b, "en", { numeric: true });

function versionsIn(names: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [, name = "", version = ""] of names.matchAll(/\b(GLIBC|GLIBCXX|CXXABI|GCC)_(\d[\d.]*)/g))
    if (newer(version, found[name] ?? "0") > 0) found[name] = version;
  return found;
}

/** Reads what a loader would of a 64-bit little-endian shared library. */
export function readElf(path: string): Elf {
  const file = readFileSync(path);
  if (file.toString("latin1", 0, 4) !== "\x7fELF") throw new Error(`${path} is no ELF file`);
  const [at, size, count] = [Number(file.readBigUInt64LE(40)), file.readUInt16LE(58), file.readUInt16LE(60)];
  const section = (index: number) => {
    const head = file.subarray(at + index * size, at + (index + 1) * size);
    const start = Number(head.readBigUInt64LE(24));
    const bytes = file.subarray(start, start + Number(head.readBigUInt64LE(32)));
    return { type: head.readUInt32LE(4), link: head.readUInt32LE(40), bytes };
  };
  const dynamic = [...Array(count).keys()].map(section).find(({ type }) => type === sectionOfDynamic);
  if (dynamic === undefined) throw new Error(`${path} is no shared library`);
  const names = section(dynamic.link).bytes.toString("latin1");
  const tagged = (tag: number): readonly string[] =>
    [...Array(dynamic.bytes.length / 16).keys()].flatMap((entry) => {
      if (Number(dynamic.bytes.readBigInt64LE(entry * 16)) !== tag) return [];
      const start = Number(dynamic.bytes.readBigUInt64LE(entry * 16 + 8));
      return [names.slice(start, names.indexOf("\0", start))];
    });
  return {
    machine: file.readUInt16LE(18),
    needed: tagged(tagOfNeeded),
    runpath: tagged(tagOfRunpath)[0],
    versions: versionsIn(names),
  };
}

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { failure } from "./folder-failure.ts";
import { byBytes } from "./keys.ts";

/** Keys below a folder of `root` in byte order of the whole key, skipping subtrees that lie before `startAfter`. */
export async function* keysBelow(
  root: string,
  folder: string,
  prefix: string,
  startAfter: string,
): AsyncGenerator<string> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw failure("list objects", folder, error);
  });
  const names = entries
    .filter(({ name }) => folder !== "" || !name.startsWith("."))
    .map((entry) => ({
      name: `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`,
      isFolder: entry.isDirectory(),
    }))
    .sort((a, b) => byBytes(a.name, b.name));
  for (const { name, isFolder } of names) {
    if (!isFolder) {
      if (name.startsWith(prefix) && (startAfter === "" || byBytes(name, startAfter) > 0)) yield name;
    } else if (name.startsWith(prefix) || prefix.startsWith(name)) {
      const allBefore = startAfter !== "" && !startAfter.startsWith(name) && byBytes(name, startAfter) < 0;
      if (!allBefore) yield* keysBelow(root, name, prefix, startAfter);
    }
  }
}

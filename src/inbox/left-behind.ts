import type { TenantName } from "../base/index.ts";
import type { ObjectInfo, ObjectStore } from "../store/index.ts";
import { inboxPrefix, isFile } from "./names.ts";

/** The files of the inbox, one of each tenant in turn: a tenant who drops ten thousand keeps no other waiting. */
export async function* leftBehind(store: ObjectStore, tenant?: TenantName): AsyncGenerator<ObjectInfo> {
  const folders = tenant === undefined ? await foldersOf(store) : [`${inboxPrefix}${tenant}/`];
  let lists = folders.map((folder) => store.list(folder)[Symbol.asyncIterator]());
  while (lists.length > 0) {
    const open: typeof lists = [];
    for (const list of lists) {
      const { done, value } = await list.next();
      if (done === true) continue;
      open.push(list);
      if (isFile(value.key)) yield value;
    }
    lists = open;
  }
}

/** One LIST of one key for each tenant that has files; a file that lies in no folder is a prefix of its own. */
async function foldersOf(store: ObjectStore): Promise<readonly string[]> {
  const found: string[] = [];
  let startAfter = "";
  for (;;) {
    let first: string | undefined;
    for await (const { key } of store.list(inboxPrefix, { limit: 1, ...(startAfter === "" ? {} : { startAfter }) }))
      first = key;
    if (first === undefined) return found;
    const slash = first.indexOf("/", inboxPrefix.length);
    found.push(slash === -1 ? first : first.slice(0, slash + 1));
    startAfter = slash === -1 ? first : `${first.slice(0, slash + 1)}\u{10FFFF}`;
  }
}

import { type CollectionName, collectionName, type TenantName, tenantName } from "../base/index.ts";
import type { ObjectStore } from "../store/index.ts";

/** The distinct first path parts below `prefix`, one LIST of one key each: names are few, objects are many. */
async function namesBelow(store: ObjectStore, prefix: string): Promise<readonly string[]> {
  const names: string[] = [];
  let startAfter: string | undefined;
  for (;;) {
    const options = startAfter === undefined ? { limit: 1 } : { limit: 1, startAfter };
    let found: string | undefined;
    for await (const { key } of store.list(prefix, options)) found = key;
    if (found === undefined) return names;
    const name = found.slice(prefix.length).split("/", 1)[0] ?? "";
    names.push(name);
    startAfter = `${prefix}${name}/\u{10FFFF}`;
  }
}

/** What else lies there (a desktop's .DS_Store, somebody's backup) is none of ours. */
function valid<Name>(names: readonly string[], check: (name: string) => Name): readonly Name[] {
  return names.flatMap((name) => {
    try {
      return [check(name)];
    } catch {
      return [];
    }
  });
}

export async function listTenants(store: ObjectStore): Promise<readonly TenantName[]> {
  return valid(await namesBelow(store, "tenants/"), tenantName);
}

/** Names below a tenant, whether or not their manifest still exists. */
export async function listCollectionNames(store: ObjectStore, tenant: TenantName): Promise<readonly CollectionName[]> {
  return valid(await namesBelow(store, `tenants/${tenant}/`), collectionName);
}

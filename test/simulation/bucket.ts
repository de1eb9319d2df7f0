import { MosaicError, sha256 } from "../../src/base/index.ts";
import { mustBeRestored, type ObjectInfo, type PutOptions } from "../../src/store/index.ts";
import type { World } from "./world.ts";

export interface Kept {
  readonly bytes: Uint8Array;
  readonly info: ObjectInfo;
}

const notFound = (operation: string, key: string): MosaicError =>
  new MosaicError("not_found", operation, { code: "object_not_found", key });

/** The bucket itself: strongly consistent, atomic, one operation at a time. */
export class Bucket {
  readonly objects = new Map<string, Kept>();
  readonly world: World;
  /** Classes of storage are folders, as on a local store: objects of all of them are read as they are. */
  readonly hasFolders: boolean;
  /** Told of every object that was put or deleted, in the moment it happens. */
  onChange: (key: string, kept: Kept | undefined) => void = () => undefined;
  #version = 0;

  constructor(world: World, hasFolders = false) {
    this.world = world;
    this.hasFolders = hasFolders;
  }

  put(key: string, bytes: Uint8Array, options: PutOptions): { readonly etag: string } {
    const { ifMatch, ifNoneMatch, storageClass = "STANDARD" } = options;
    const before = this.objects.get(key);
    const holds =
      (ifNoneMatch === undefined || before === undefined) && (ifMatch === undefined || before?.info.etag === ifMatch);
    if (!holds) throw new MosaicError("conflict", "put object", { code: "precondition_failed", key });
    const etag = `${sha256(bytes).slice(0, 12)}-${this.#version++}`;
    const info = { key, etag, sizeBytes: bytes.length, modifiedMs: this.world.nowMs, storageClass };
    const kept = { bytes: bytes.slice(), info };
    this.objects.set(key, kept);
    this.onChange(key, kept);
    return { etag };
  }

  /** Throws what S3 says of an object that must be restored first. */
  read(key: string): Kept | undefined {
    const kept = this.objects.get(key);
    if (kept === undefined || !this.mustBeRestored(kept.info.storageClass) || kept.info.restore === "ready")
      return kept;
    this.world.count("read of a frozen object");
    throw new MosaicError("unavailable", "read object", { code: "restore_required", key });
  }

  copy(from: string, to: string, storageClass: string): { readonly etag: string } {
    const kept = this.read(from);
    if (kept === undefined) throw notFound("copy object", from);
    return this.put(to, kept.bytes, { storageClass });
  }

  /** The copy is there some steps later, and gone again after a while. */
  restore(key: string): void {
    const kept = this.objects.get(key);
    if (kept === undefined) throw notFound("restore object", key);
    if (!this.mustBeRestored(kept.info.storageClass) || kept.info.restore !== undefined) return;
    const { world } = this;
    this.#mark(kept, "ongoing");
    world.at(undefined, 1000 + world.below(20_000), () => {
      world.note(`the copy of ${key} is there`);
      this.#mark(kept, "ready");
      world.at(undefined, 5000 + world.below(60_000), () => this.#mark(kept, undefined));
    });
  }

  mustBeRestored(storageClass: string): boolean {
    return !this.hasFolders && mustBeRestored(storageClass);
  }

  delete(key: string): void {
    if (!this.objects.delete(key)) return;
    this.onChange(key, undefined);
  }

  keys(prefix: string, startAfter = ""): string[] {
    return [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > startAfter).sort();
  }

  /** Nothing, where the object was replaced or deleted meanwhile. */
  #mark({ info: { restore: _, ...info }, bytes }: Kept, restore: ObjectInfo["restore"]): void {
    if (this.objects.get(info.key)?.info.etag !== info.etag) return;
    this.world.count(`restored copy ${restore ?? "gone"}`);
    this.objects.set(info.key, { bytes, info: restore === undefined ? info : { ...info, restore } });
  }
}

import { MosaicError, sha256 } from "../base/index.ts";
import type { Manifest } from "./manifest.ts";

const damaged = (key: string, detail: string, cause?: unknown): MosaicError =>
  new MosaicError("data", "read manifest", {
    code: "manifest_damaged",
    key,
    detail: `The collection's manifest can't be read: ${detail}`,
    hint: "restore manifest.json from the newest file of manifests/, then run: mosaic verify",
    cause,
  });

/** Pretty-printed JSON whose `checksum` is the SHA-256 of the same text without that line. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const checksum = sha256(JSON.stringify(manifest));
  return Buffer.from(`${JSON.stringify({ checksum, ...manifest }, null, 1)}\n`);
}

/** Throws `data` unless the bytes say exactly what encodeManifest wrote; white space aside, for who restores one by hand. */
export function decodeManifest(bytes: Uint8Array, key: string): Manifest {
  let parsed: { checksum?: unknown; format?: unknown };
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as typeof parsed;
  } catch (cause) {
    throw damaged(key, "it is not JSON.", cause);
  }
  if (typeof parsed !== "object" || parsed === null) throw damaged(key, "it is not an object.");
  const { checksum, ...content } = parsed;
  if (checksum !== sha256(JSON.stringify(content))) throw damaged(key, "its checksum does not match.");
  if (content.format !== 1) {
    throw new MosaicError("data", "read manifest", {
      code: "manifest_format_unknown",
      key,
      detail: `The collection was written in format ${String(content.format)}; this version reads format 1.`,
      hint: "upgrade Mosaic",
    });
  }
  return Object.freeze(content) as unknown as Manifest;
}

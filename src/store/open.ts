import { type Clock, MosaicError, type Random, type Settings } from "../base/index.ts";
import { ClassedFolders } from "./classed-folders.ts";
import { Metered, type StorageReceipt } from "./metered.ts";
import type { ObjectStore } from "./object-store.ts";
import { Retrying, repeating } from "./retrying.ts";

export interface OpenStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Where requests are counted. */
  readonly currentReceipt: () => StorageReceipt | undefined;
}

const s3Path = /^s3:\/\/([^/]+)(?:\/(.*))?$/;

/** The store that `settings.storagePath` names, retrying and metered. S3's SDK is loaded only when it is S3. */
export async function openStore(
  settings: Settings,
  { clock, random, currentReceipt }: OpenStoreOptions,
): Promise<ObjectStore> {
  const store = await openPlain(settings, clock, random);
  return new Retrying(new Metered(store, currentReceipt), clock, random);
}

async function openPlain(
  { storagePath, archivePath, s3Endpoint, awsRegion, awsConfigured }: Settings,
  clock: Clock,
  random: Random,
): Promise<ObjectStore> {
  if (!storagePath.includes("://")) return new ClassedFolders(storagePath, archivePath, { clock, random });
  const [, bucket, prefix = ""] = s3Path.exec(storagePath) ?? [];
  if (bucket === undefined) {
    throw new MosaicError("invalid", "open storage", {
      code: "invalid_setting",
      detail: "STORAGE_PATH must be a folder or s3://bucket/prefix.",
      hint: "see docs/configuration.md",
    });
  }
  const { S3Store } = await import("./s3.ts");
  const place = { bucket, prefix: prefix.replace(/^\/+|\/+$/g, ""), endpoint: s3Endpoint, region: awsRegion };
  return new S3Store({ ...place, asConfigured: awsConfigured, again: repeating(clock, random) });
}

/** True when requests to it are billed by the request. */
export const isRemote = (storagePath: string): boolean => storagePath.startsWith("s3://");

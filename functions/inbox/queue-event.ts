/** A batch of SQS messages, as Lambda hands it to a function (AWS Lambda developer guide, "Using Lambda with Amazon SQS"). */
export interface QueueEvent {
  readonly Records: readonly QueueRecord[];
}
export interface QueueRecord {
  readonly messageId: string;
  readonly body: string;
  readonly attributes?: { readonly ApproximateReceiveCount?: string };
}

/** Those that come back; the others are done. */
export interface BatchAnswer {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** Where the storage lies: S3 tells of whole keys. */
export interface Place {
  readonly bucket: string;
  /** Empty, or ending in a slash. */
  readonly prefix: string;
}

/** Throws for a storage that is no bucket: nothing tells of files in a folder. */
export function placeOf(storagePath: string): Place {
  const [, bucket, path = ""] = /^s3:\/\/([^/]+)(?:\/(.*?))?\/*$/.exec(storagePath) ?? [];
  if (bucket === undefined) throw new Error(`events come from a bucket, and STORAGE_PATH is ${storagePath}`);
  return { bucket, prefix: path === "" ? "" : `${path}/` };
}

interface Notification {
  readonly Event?: string;
  readonly Records?: readonly {
    readonly eventName?: string;
    readonly s3?: { readonly bucket?: { readonly name?: string }; readonly object?: { readonly key?: string } };
  }[];
}

/**
 * Keys, within the storage, of the objects that a message says were made (S3 user guide, "Event message structure"). S3's
 * own test message names none. Throws for what is no such message.
 */
export function keysOf(body: string, { bucket, prefix }: Place): readonly string[] {
  const notification = JSON.parse(body) as Notification;
  if (notification.Event === "s3:TestEvent") return [];
  if (!Array.isArray(notification.Records)) throw new Error("this message is no notification of S3");
  return (notification.Records as NonNullable<Notification["Records"]>).flatMap(({ eventName = "", s3 }) => {
    const key = s3?.object?.key;
    if (key === undefined) throw new Error("this message names no object");
    if (!eventName.startsWith("ObjectCreated:") || s3?.bucket?.name !== bucket) return [];
    // As in a form: a blank is a plus.
    const whole = decodeURIComponent(key.replaceAll("+", " "));
    return whole.startsWith(prefix) ? [whole.slice(prefix.length)] : [];
  });
}

/** A message that says of `key` what S3 would say of it: for a file that is to be gone on with. */
export function messageOf(key: string, { bucket, prefix }: Place): string {
  const object = { key: encodeURIComponent(prefix + key).replaceAll("%20", "+") };
  const record = {
    eventSource: "mosaic:inbox",
    eventName: "ObjectCreated:Continued",
    s3: { bucket: { name: bucket }, object },
  };
  return JSON.stringify({ Records: [record] });
}

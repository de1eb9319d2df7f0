import { formatTimestamp, systemClock } from "../../src/base/index.ts";
import type { ObjectEvent } from "./s3/s3-server.ts";

/** The notification that S3 sends for an object that was made, as text: keys as in a form, a blank as `+`. */
export function notificationOf({ event, bucket, key, size, etag }: ObjectEvent, sequence: number): string {
  const record = {
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion: "us-east-1",
    eventTime: `${formatTimestamp(systemClock.now()).replace(" ", "T")}Z`,
    eventName: event,
    s3: {
      s3SchemaVersion: "1.0",
      configurationId: "inbox",
      bucket: { name: bucket, arn: `arn:aws:s3:::${bucket}` },
      object: {
        key: encodeURIComponent(key).replaceAll("%20", "+").replaceAll("%2F", "/"),
        size,
        eTag: etag,
        sequencer: sequence.toString(16).padStart(18, "0").toUpperCase(),
      },
    },
  };
  return JSON.stringify({ Records: [record] });
}

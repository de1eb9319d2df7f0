import { MosaicError } from "../../src/base/index.ts";

/** Sends messages to an SQS queue. Its SDK is loaded by the first: most runs send none. */
export function queueSender(url: string | undefined): (body: string) => Promise<void> {
  return async (body) => {
    if (url === undefined || url === "")
      throw new MosaicError("invalid", "send message", {
        code: "invalid_setting",
        detail: "INGEST_QUEUE_URL is not set, so that a file can't be handed on.",
      });
    const { SendMessageCommand, SQSClient } = await import("@aws-sdk/client-sqs");
    // The URL says where the queue is: in an account, or on this machine.
    const client = new SQSClient({ endpoint: new URL(url).origin });
    try {
      await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body }));
    } finally {
      client.destroy();
    }
  };
}

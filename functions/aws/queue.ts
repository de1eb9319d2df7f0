import type { SQSClient } from "@aws-sdk/client-sqs";
import { MosaicError } from "../../src/base/index.ts";

/** Sends messages to an SQS queue. Its SDK is loaded by the first: most runs send none. */
export class QueueSender {
  readonly #url: string | undefined;
  #client: SQSClient | undefined;

  constructor(url: string | undefined) {
    this.#url = url;
  }

  async send(body: string): Promise<void> {
    const url = this.#url;
    if (url === undefined || url === "")
      throw new MosaicError("invalid", "send message", {
        code: "invalid_setting",
        detail: "INGEST_QUEUE_URL is not set, so that a file can't be handed on.",
      });
    const { SendMessageCommand, SQSClient } = await import("@aws-sdk/client-sqs");
    // The URL says where the queue is: in an account, or on this machine.
    this.#client ??= new SQSClient({ endpoint: new URL(url).origin });
    await this.#client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body }));
  }

  /** Ends its connections, which would not outlive a pause between two runs. The next message opens others. */
  close(): void {
    this.#client?.destroy();
    this.#client = undefined;
  }
}

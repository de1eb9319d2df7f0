import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "../../src/base/index.ts";

/** A message as a function gets it, in a batch. */
export interface QueueRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: { readonly ApproximateReceiveCount: string; readonly SentTimestamp: string };
  readonly messageAttributes: Readonly<Record<string, never>>;
  readonly eventSource: "aws:sqs";
  readonly eventSourceARN: string;
  readonly awsRegion: string;
}

export interface QueueOptions {
  readonly name: string;
  readonly batchSize: number;
  /** Batches that are worked on at once. */
  readonly maxConcurrency: number;
  /** A message that failed so often goes to the dead letters. */
  readonly maxReceiveCount: number;
  /** A message that failed comes back after so long: what stands for the visibility timeout. */
  readonly retryMs: number;
  /** Handles a batch; says which messages failed. When it throws all of them did. */
  readonly handle: (records: readonly QueueRecord[]) => Promise<readonly string[]>;
  readonly clock?: Clock;
}

interface Message {
  readonly id: string;
  readonly body: string;
  readonly sentMs: number;
  received: number;
}

/** What SQS does between an event and a function: batches, partial failures, another try, dead letters. In memory. */
export class LocalQueue {
  readonly #options: QueueOptions;
  readonly #clock: Clock;
  readonly #waiting: Message[] = [];
  readonly #late = new Set<() => void>();
  readonly #watchers = new Set<() => void>();
  /** Bodies of messages that were given up. */
  readonly deadLetters: string[] = [];
  #batches = 0;
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Messages that are neither done nor given up. */
  #open = 0;
  get open(): number {
    return this.#open;
  }

  send(body: string, delayMs = 0): string {
    const message: Message = { id: randomUUID(), body, sentMs: this.#clock.now(), received: 0 };
    this.#open++;
    this.#enter(message, delayMs);
    return message.id;
  }

  /** Resolves when every message is done or given up. */
  async idle(): Promise<void> {
    while (this.#open > 0 && !this.#closed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#watchers.add(resolve);
      await promise;
    }
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#late) cancel();
    this.#tell();
  }

  #enter(message: Message, delayMs: number): void {
    if (delayMs <= 0) {
      this.#waiting.push(message);
      this.#pump();
      return;
    }
    const cancel = this.#clock.schedule(delayMs, () => {
      this.#late.delete(cancel);
      this.#waiting.push(message);
      this.#pump();
    });
    this.#late.add(cancel);
  }

  #pump(): void {
    while (!this.#closed && this.#waiting.length > 0 && this.#batches < this.#options.maxConcurrency) {
      const batch = this.#waiting.splice(0, this.#options.batchSize);
      this.#batches++;
      void this.#run(batch).finally(() => {
        this.#batches--;
        this.#tell();
        this.#pump();
      });
    }
  }

  async #run(batch: readonly Message[]): Promise<void> {
    for (const message of batch) message.received++;
    const failed = await this.#options.handle(batch.map((message) => this.#recordOf(message))).then(
      (ids) => new Set(ids),
      () => new Set(batch.map(({ id }) => id)),
    );
    for (const message of batch) {
      if (!failed.has(message.id)) this.#open--;
      else if (message.received < this.#options.maxReceiveCount) this.#enter(message, this.#options.retryMs);
      else {
        this.deadLetters.push(message.body);
        this.#open--;
      }
    }
  }

  #recordOf({ id, body, sentMs, received }: Message): QueueRecord {
    return {
      messageId: id,
      receiptHandle: id,
      body,
      attributes: { ApproximateReceiveCount: String(received), SentTimestamp: String(sentMs) },
      messageAttributes: {},
      eventSource: "aws:sqs",
      eventSourceARN: `arn:aws:sqs:us-east-1:123456789012:${this.#options.name}`,
      awsRegion: "us-east-1",
    };
  }

  #tell(): void {
    for (const resolve of this.#watchers) resolve();
    this.#watchers.clear();
  }
}

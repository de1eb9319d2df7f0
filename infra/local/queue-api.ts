import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import type { LocalQueue } from "./queue.ts";

/** The one call of SQS that functions make: SendMessage, in the JSON protocol that AWS's SDK speaks. */
export function queueApi(queue: LocalQueue): Server {
  return createServer((request, response) => {
    answer(queue, request, response).catch(() => response.destroy());
  });
}

async function answer(queue: LocalQueue, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = (await buffer(request)).toString();
  const json = { "content-type": "application/x-amz-json-1.0" };
  if (request.headers["x-amz-target"] !== "AmazonSQS.SendMessage") {
    const fault = { __type: "com.amazonaws.sqs#UnsupportedOperation", message: "Here messages can only be sent." };
    return void response.writeHead(400, json).end(JSON.stringify(fault));
  }
  const { MessageBody = "", DelaySeconds = 0 } = JSON.parse(body) as { MessageBody?: string; DelaySeconds?: number };
  const MessageId = queue.send(MessageBody, DelaySeconds * 1000);
  const MD5OfMessageBody = createHash("md5").update(MessageBody).digest("hex");
  response.writeHead(200, json).end(JSON.stringify({ MessageId, MD5OfMessageBody }));
}

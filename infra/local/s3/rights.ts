import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { type FunctionName, functions } from "../../table.ts";

/** What a request takes, and on which key; undefined for the bucket itself. */
interface Need {
  readonly action: string;
  readonly key: string | undefined;
}

/** `/bucket/a/key` → `a/key`. */
const keyIn = (path: string): string => decodeURIComponent(path.replace(/^\/?[^/]+\/?/, ""));

/** What is added where it applies: the service authorization reference and the S3 user guide's pages of each operation. */
function needsOf({ method = "", url = "", headers }: IncomingMessage, sourceHasTags: boolean): readonly Need[] {
  const { pathname, searchParams: query } = new URL(url, "http://s3");
  const key = keyIn(pathname);
  if (key === "") return [{ action: method === "GET" ? "s3:ListBucket" : `${method} of a bucket`, key: undefined }];
  const here = (action: string, applies = true): readonly Need[] => (applies ? [{ action, key }] : []);
  const source = headers["x-amz-copy-source"];
  switch (method) {
    case "GET":
    case "HEAD":
      return here(query.has("tagging") ? "s3:GetObjectTagging" : "s3:GetObject");
    case "DELETE":
      return query.has("uploadId")
        ? here("s3:AbortMultipartUpload")
        : [...here("s3:DeleteObject"), ...here("s3:GetObject", "if-match" in headers)];
    case "POST":
      return query.has("restore")
        ? here("s3:RestoreObject")
        : [...here("s3:PutObject"), ...here("s3:PutObjectTagging", "x-amz-tagging" in headers)];
    case "PUT": {
      const from = typeof source === "string" ? keyIn(source) : undefined;
      const whole = sourceHasTags && !query.has("uploadId");
      return [
        ...here("s3:PutObject"),
        ...here("s3:GetObject", "if-match" in headers),
        ...here("s3:PutObjectTagging", "x-amz-tagging" in headers || whole),
        ...(from === undefined ? [] : [{ action: "s3:GetObject", key: from }]),
        ...(whole ? [{ action: "s3:GetObjectTagging", key: from }] : []),
      ];
    }
    default:
      return here(`${method} of an object`);
  }
}

/** As IAM would say by the table's statements: nothing that isn't allowed. */
function may(name: FunctionName, { action, key }: Need): boolean {
  return functions[name].statements.some(({ actions, on }) => {
    if (!actions.includes(action)) return false;
    if (on.kind === "bucket") return key === undefined;
    return on.kind === "prefix" && key?.startsWith(on.prefix) === true;
  });
}

/** The access key that a function signs with, here. */
export const accessKeyOf = (name: FunctionName): string => `LOCAL${name.toUpperCase()}`;

function callerOf({ headers: { authorization = "" }, url = "" }: IncomingMessage): FunctionName | undefined {
  const [, key] = /Credential=([^/]+)/.exec(authorization) ?? /X-Amz-Credential=([^%/]+)/.exec(url) ?? [];
  return (Object.keys(functions) as FunctionName[]).find((name) => accessKeyOf(name) === key);
}

const denial = (need: Need, name: string): string =>
  `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>${name} may not ${need.action} on ${need.key ?? "the bucket"}</Message></Error>`;

/**
 * An S3 server in front of `endpoint` that lets each function do what its role may (`infra/table.ts`), and nothing else:
 * the server behind it knows no rights. `onDenied` is told of what a function tried; others than functions may all.
 */
export function rightsOfFunctions(endpoint: string, onDenied: (what: string) => void): Server {
  const { hostname, port } = new URL(endpoint);
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const pass = (from: IncomingMessage, to: ServerResponse): void => {
    const { method, url: path, headers } = from;
    const ahead = request({ agent, hostname, port, method, path, headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(to);
    });
    // Either side may go away in the middle; the other is told by its connection.
    ahead.on("error", () => to.destroy());
    to.on("close", () => ahead.destroy());
    from.pipe(ahead);
  };
  const answer = async (from: IncomingMessage, to: ServerResponse): Promise<void> => {
    const name = callerOf(from);
    const source = from.headers["x-amz-copy-source"];
    const hasTags = typeof source === "string" && (await isTagged(`${endpoint}/${source.replace(/^\//, "")}`));
    const denied = name === undefined ? undefined : needsOf(from, hasTags).find((need) => !may(name, need));
    if (name === undefined || denied === undefined) {
      pass(from, to);
      return;
    }
    onDenied(`${name} may not ${denied.action} on ${denied.key ?? "the bucket"}`);
    from.resume();
    to.writeHead(403, { "content-type": "application/xml" }).end(from.method === "HEAD" ? "" : denial(denied, name));
  };
  const server = createServer((from, to) => {
    answer(from, to).catch((error: unknown) => {
      onDenied(String(error));
      to.writeHead(500).end();
    });
  });
  server.on("close", () => agent.destroy());
  return server;
}

/** Anybody's signature will do: the server looks for one, not at it. */
const signature =
  "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

async function isTagged(address: string): Promise<boolean> {
  const response = await fetch(`${address}?tagging`, { headers: { authorization: signature } });
  const answer = await response.text();
  if (response.ok) return answer.includes("<Tag>");
  if (response.status === 404) return false;
  throw new Error(`the tags of ${address} are not to be had: ${response.status}`);
}

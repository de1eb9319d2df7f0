import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** A right, and the resource it is needed on. */
export interface Call {
  readonly action: string;
  readonly on: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const accountId = "123456789012";
/** As the caller signed for it. */
const regionOf = ({ headers: { authorization = "" } }: IncomingMessage): string =>
  /Credential=[^/]+\/\d+\/([^/]+)/.exec(authorization)?.[1] ?? "";
/** Parameters of a request that say what of a bucket it is about. */
const parts: ReadonlySet<string> = new Set(["notification", "versioning", "policy", "delete", "list-type"]);
const ok = (body = ""): Answer => ({ status: 200, body });

/** As much of AWS as the `sst` program itself calls, in memory. Notes which rights each call takes; of others, their name. */
class Account {
  readonly calls: Call[] = [];
  readonly #parameters = new Map<string, string>();
  readonly #objects = new Map<string, string>();

  #need(action: string, on: string): void {
    this.calls.push({ action, on });
  }

  answer(request: IncomingMessage, body: string): Answer {
    const { method = "", url = "", headers } = request;
    const target = headers["x-amz-target"];
    if (typeof target === "string")
      return this.#json(target.split(".").at(-1) ?? "", JSON.parse(body), regionOf(request));
    const { pathname, searchParams } = new URL(url, "http://aws");
    if (pathname.startsWith("/2013-04-01/hostedzone")) return this.#hostedZones();
    const [, bucket = "", ...key] = pathname.split("/");
    return key.length === 0
      ? this.#bucket(method, bucket, searchParams, body)
      : this.#object(method, pathname.slice(1), body);
  }

  #json(operation: string, input: Readonly<Record<string, string>>, region: string): Answer {
    const { Name = "", Value = "" } = input;
    switch (operation) {
      case "GetParameter":
      case "PutParameter": {
        this.#need(`ssm:${operation}`, `arn:aws:ssm:${region}:${accountId}:parameter${Name}`);
        if (operation === "PutParameter") this.#parameters.set(Name, Value);
        const found = this.#parameters.get(Name);
        if (found === undefined) return { status: 400, body: JSON.stringify({ __type: "ParameterNotFound" }) };
        return ok(JSON.stringify({ Parameter: { Name, Value: found }, Version: 1 }));
      }
      case "CreateRepository": {
        const name = input["repositoryName"];
        this.#need("ecr:CreateRepository", `arn:aws:ecr:${region}:${accountId}:repository/${name}`);
        const repositoryUri = `${accountId}.dkr.ecr.${region}.amazonaws.com/${name}`;
        return ok(JSON.stringify({ repository: { registryId: accountId, repositoryUri } }));
      }
      default:
        this.#need(operation, "?");
        return { status: 400, body: JSON.stringify({ __type: "NotKnownHere" }) };
    }
  }

  #hostedZones(): Answer {
    this.#need("route53:ListHostedZones", "*");
    const zone =
      "<HostedZone><Id>/hostedzone/Z1</Id><Name>example.com.</Name><CallerReference>1</CallerReference></HostedZone>";
    return ok(
      `<ListHostedZonesResponse><HostedZones>${zone}</HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListHostedZonesResponse>`,
    );
  }

  #bucket(method: string, bucket: string, query: URLSearchParams, body: string): Answer {
    const on = `arn:aws:s3:::${bucket}`;
    const [part = ""] = [...query.keys()].filter((name) => parts.has(name));
    const prefix = `${bucket}/${query.get("prefix") ?? ""}`;
    switch (`${method} ${part}`) {
      case "PUT ":
        this.#need("s3:CreateBucket", on);
        return ok();
      case "PUT notification":
      case "PUT versioning":
      case "PUT policy":
        this.#need(`s3:PutBucket${part[0]?.toUpperCase()}${part.slice(1)}`, on);
        return ok();
      case "POST delete":
        this.#need("s3:DeleteObject", `${on}/${/<Key>([^<]*)/.exec(body)?.[1] ?? ""}`);
        return ok("<DeleteResult></DeleteResult>");
      case "GET list-type": {
        this.#need("s3:ListBucket", on);
        const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix));
        const contents = keys.map((key) => `<Contents><Key>${key.slice(bucket.length + 1)}</Key></Contents>`);
        return ok(`<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join("")}</ListBucketResult>`);
      }
      default:
        this.#need(`${method} ${part}`, on);
        return { status: 501, body: "" };
    }
  }

  #object(method: string, key: string, body: string): Answer {
    const names: Readonly<Record<string, string>> = { GET: "GetObject", PUT: "PutObject", DELETE: "DeleteObject" };
    this.#need(`s3:${names[method] ?? method}`, `arn:aws:s3:::${key}`);
    if (method === "PUT") this.#objects.set(key, body);
    if (method === "DELETE") this.#objects.delete(key);
    const found = this.#objects.get(key);
    if (method === "GET" && found === undefined) return { status: 404, body: "<Error><Code>NoSuchKey</Code></Error>" };
    return ok(method === "GET" ? found : "");
  }
}

export interface AwsServer {
  readonly url: string;
  readonly calls: readonly Call[];
  close(): Promise<void>;
}

/** An account of its own, on loopback. */
export async function startAws(): Promise<AwsServer> {
  const account = new Account();
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { status, body } = account.answer(request, Buffer.concat(parts).toString());
    response.writeHead(status, { "content-length": Buffer.byteLength(body) }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: account.calls,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

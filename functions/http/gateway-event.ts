/** What API Gateway (HTTP API, payload 2.0) or a function URL hands over: the parts that are read here. */
export interface GatewayEvent {
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly cookies?: readonly string[];
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly requestContext: {
    readonly domainName: string;
    readonly http: { readonly method: string };
  };
  readonly body?: string;
  readonly isBase64Encoded: boolean;
}

/** A function URL leaves the address as it came; the gateway has decoded its path. */
const leavesPath = (domainName: string): boolean => domainName.includes(".lambda-url.");

const documentPath = "/api/v1/documents/";

/**
 * The address as the client wrote it. Of what the gateway decoded only an id can hold a slash: everything after
 * `/api/v1/documents/` is one. A `?` in an id is lost by then (the gateway cuts the path there): `?id=` takes any.
 */
export function addressOf({ rawPath, rawQueryString, requestContext: { domainName }, headers }: GatewayEvent): string {
  const host = headers["host"] ?? domainName;
  const query = rawQueryString === "" ? "" : `?${rawQueryString}`;
  return `https://${host}${leavesPath(domainName) ? rawPath : encodedPath(rawPath)}${query}`;
}

function encodedPath(path: string): string {
  if (path.startsWith(documentPath)) return documentPath + encodeURIComponent(path.slice(documentPath.length));
  return path.split("/").map(encodeURIComponent).join("/");
}

/** Throws a TypeError when it is no possible request. */
export function requestOf(event: GatewayEvent): Request {
  const { method } = event.requestContext.http;
  const headers = new Headers();
  for (const [name, value] of Object.entries(event.headers)) if (value !== undefined) headers.set(name, value);
  if (event.cookies !== undefined) headers.set("cookie", event.cookies.join("; "));
  const hasBody = method !== "GET" && method !== "HEAD" && event.body !== undefined;
  const body = hasBody ? Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8") : null;
  return new Request(addressOf(event), { method, headers, body });
}

import { MosaicError } from "../../src/base/index.ts";
import { problemResponse } from "../../src/http/index.ts";

export interface GatewayAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

/** Lambda answers at most 6 MB of JSON; what surrounds the body needs little. */
export const mostAnswerBytes = 6 * 1024 * 1024 - 64 * 1024;

const isText = (type: string): boolean =>
  /^(text\/|application\/([^;]*\+)?(json|x-ndjson|xml|javascript)\b)/.test(type);

/** An answer that would not fit becomes one that says so. */
export async function answerOf(response: Response): Promise<GatewayAnswer> {
  const answer = await encoded(response);
  if (Buffer.byteLength(JSON.stringify(answer.body)) <= mostAnswerBytes) return answer;
  const refusal = problemResponse(tooLarge());
  for (const [name, value] of response.headers) if (!/^content-/.test(name)) refusal.headers.set(name, value);
  return await encoded(refusal);
}

async function encoded(response: Response): Promise<GatewayAnswer> {
  const { headers, cookies } = headOf(response);
  const bytes = Buffer.from(await response.arrayBuffer());
  const text = isText(headers["content-type"] ?? "");
  return {
    statusCode: response.status,
    headers,
    cookies,
    body: bytes.toString(text ? "utf8" : "base64"),
    isBase64Encoded: !text,
  };
}

/** Cookies travel apart, and the connection is the gateway's. */
const ofConnection: ReadonlySet<string> = new Set(["set-cookie", "connection", "transfer-encoding"]);

export function headOf(response: Response): Pick<GatewayAnswer, "headers" | "cookies"> {
  const headers = Object.fromEntries([...response.headers].filter(([name]) => !ofConnection.has(name)));
  return { headers, cookies: response.headers.getSetCookie() };
}

const tooLarge = (): MosaicError =>
  new MosaicError("too_large", "answer a request", {
    code: "answer_too_large",
    detail:
      "The answer is larger than the 6 MB that can leave this address. Ask for less: a smaller limit, or include without text and embedding; or use the address that streams.",
  });

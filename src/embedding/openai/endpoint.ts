import { type Clock, type ErrorContext, isMosaicError, MosaicError } from "../../base/index.ts";

export interface Endpoint {
  readonly url: string;
  readonly apiKey: string | undefined;
}

const timeoutMs = 30_000;
const attempts = 4;
const firstPauseMs = 500;
/** An endpoint that asks for a longer pause is reported as unavailable instead: the caller waits for an answer. */
const longestPauseMs = 30_000;

/** Posts `body`, and again after a pause while the endpoint is busy (429), failing (5xx) or not reached. */
export async function postWithRetry(
  endpoint: Endpoint,
  body: unknown,
  clock: Clock,
  signal: AbortSignal,
): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await post(endpoint, body, clock, signal);
    } catch (error) {
      if (!isMosaicError(error) || error.retryAfterMs === undefined) throw error;
      const pauseMs = Math.max(error.retryAfterMs, firstPauseMs * 2 ** (attempt - 1));
      if (attempt === attempts || pauseMs > longestPauseMs) throw error;
      await clock.sleep(pauseMs, signal);
    }
  }
}

async function post(endpoint: Endpoint, body: unknown, clock: Clock, signal: AbortSignal): Promise<unknown> {
  const timeout = new AbortController();
  const cancel = clock.schedule(timeoutMs, () => timeout.abort());
  try {
    const response = await fetch(endpoint.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(endpoint.apiKey === undefined ? {} : { authorization: `Bearer ${endpoint.apiKey}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, timeout.signal]),
    });
    if (!response.ok) throw await refusal(response);
    return await response.json();
  } catch (error) {
    signal.throwIfAborted();
    if (isMosaicError(error)) throw error;
    throw notReached(error, timeout.signal.aborted);
  } finally {
    cancel();
  }
}

/** `retryAfterMs` marks what is worth another attempt. */
function unavailable(code: string, detail: string, more: ErrorContext = {}): MosaicError {
  return new MosaicError("unavailable", "ask embedding endpoint", { code, detail, ...more });
}

/**
 * Why the endpoint said no. Its own words are left out: some repeat the key or the text, and this error is logged.
 */
async function refusal(response: Response): Promise<MosaicError> {
  const { status, headers } = response;
  await response.body?.cancel();
  if (status === 429 || status >= 500) {
    const seconds = Number(headers.get("retry-after") ?? 0);
    const retryAfterMs = Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : 0;
    return unavailable("embedding_unavailable", `The embedding endpoint is busy or failing (status ${status}).`, {
      retryAfterMs,
    });
  }
  if (status === 401 || status === 403) {
    return unavailable("embedding_denied", `The embedding endpoint refused the server's key (status ${status}).`, {
      hint: "check EMBEDDING_API_KEY",
    });
  }
  if (status === 400 || status === 413 || status === 422) {
    return new MosaicError("invalid", "ask embedding endpoint", {
      code: "embedding_rejected",
      detail: `The embedding endpoint refused the text (status ${status}): it may be too long for the model.`,
    });
  }
  return unavailable("embedding_unavailable", `The embedding endpoint answered with status ${status}.`, {
    hint: "check EMBEDDING_URL and the model's name in EMBEDDING_MODEL",
  });
}

function notReached(cause: unknown, timedOut: boolean): MosaicError {
  if (cause instanceof SyntaxError)
    return unavailable("embedding_bad_reply", "The embedding endpoint's answer is not JSON.");
  const how = timedOut ? `did not answer within ${timeoutMs / 1000} s` : "can't be reached";
  return unavailable("embedding_unavailable", `The embedding endpoint ${how}.`, {
    retryAfterMs: 0,
    hint: "check EMBEDDING_URL",
    cause,
  });
}

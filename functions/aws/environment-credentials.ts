import { MosaicError } from "../../src/base/index.ts";

/** By the names that `@aws-sdk/credential-provider-node` has, in whose place it is bundled. */
interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * The keys of the function's role, which Lambda puts into each environment and which last longer than that
 * ("Defined runtime environment variables" of its developer guide).
 */
export const defaultProvider = () => (): Promise<Credentials> => {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = process.env;
  if (!accessKeyId || !secretAccessKey) {
    const detail = "The function has no credentials in its environment.";
    return Promise.reject(new MosaicError("unavailable", "find credentials", { code: "storage_denied", detail }));
  }
  return Promise.resolve({ accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) });
};

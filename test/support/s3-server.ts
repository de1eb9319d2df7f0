import {
  pythonWithMoto,
  type S3Server,
  s3Credentials,
  startS3Server as start,
} from "../../infra/local/s3/s3-server.ts";

/** A Python that has moto, if this machine has one. */
export const python = pythonWithMoto(process.env["MOSAIC_TEST_PYTHON"]);

/** True when the S3 tests can run. In CI their absence is a failure, not a skip. */
export const hasS3Server = python !== undefined;
export const withoutS3Server =
  "skipped without an S3 server: python3 -m venv .venv && .venv/bin/pip install -r infra/local/s3/requirements.txt";
if (!hasS3Server && process.env["CI"]) throw new Error(`CI needs the S3 server. ${withoutS3Server}`);

export { type S3Server, s3Credentials };

/** Starts the server on a free port; sets this process's AWS credentials to what it takes. */
export async function startS3Server(): Promise<S3Server> {
  const server = await start({ python });
  Object.assign(process.env, s3Credentials);
  return server;
}

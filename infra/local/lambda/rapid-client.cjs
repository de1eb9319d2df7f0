/**
 * The part of AWS's runtime client that is compiled C++ (it waits for a call, and sends its answer) in plain JavaScript, so
 * that nothing must be compiled. Preloaded before the client: `node --require rapid-client.cjs aws-lambda-ric/index.mjs`.
 */
const { Agent, request } = require("node:http");
const Module = require("node:module");

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
/** The answer that is being sent: the next call is asked for after it. */
let sending = Promise.resolve();

function send(method, path, body, headers = {}) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
  const options = { host, port, method, path: `/2018-06-01/runtime/invocation/${path}`, agent };
  const asking = request({ ...options, headers: { ...headers, ...length } }, (response) => {
    const chunks = [];
    response.on("data", (chunk) => chunks.push(chunk));
    response.on("end", () => resolve({ headers: response.headers, bodyJson: Buffer.concat(chunks).toString("utf8") }));
    response.on("error", reject);
  });
  asking.on("error", reject);
  asking.end(body);
  return promise;
}

const json = { "content-type": "application/json" };
const client = {
  async next() {
    await sending;
    return await send("GET", "next");
  },
  done(id, body) {
    sending = send("POST", `${id}/response`, body, json);
  },
  error(id, body) {
    sending = send("POST", `${id}/error`, body, json);
  },
};

const load = Module._load;
Module._load = function loadOrReplace(name, ...others) {
  return name === "./rapid-client.node" ? client : load.call(this, name, ...others);
};

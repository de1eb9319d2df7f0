/**
 * Calls `api` from the folder that is its package (argument 1), as the gateway would: stores two texts, which it embeds, and
 * looks for them by meaning and by words. Prints the status and the first id of each answer.
 */
const { handler } = await import(`${process.argv[2]}/index.js`);

async function call(method, path, body) {
  const domainName = "a1b2c3.execute-api.us-east-1.amazonaws.com";
  const { statusCode, body: text } = await handler({
    version: "2.0",
    rawPath: path,
    rawQueryString: "",
    headers: { "content-type": "application/json", host: domainName },
    requestContext: { domainName, http: { method, path } },
    body: JSON.stringify(body),
    isBase64Encoded: false,
  });
  const answer = JSON.parse(text);
  return [statusCode, answer.id ?? answer.results?.[0]?.id];
}

const answers = [
  await call("POST", "/api/v1/documents", { id: "apple", text: "A red fruit that grows on trees" }),
  await call("POST", "/api/v1/documents", { id: "car", text: "An engine with four wheels" }),
  await call("POST", "/api/v1/search", { query: "something to eat", limit: 1 }),
  await call("POST", "/api/v1/search/hybrid", { query: "wheels", limit: 1 }),
];
process.stdout.write(JSON.stringify(answers));
process.exit(0);

/**
 * Loads a function as Lambda's INIT does, from the folder that is its package, and says what became of it: argument 1 is the
 * folder. Machine code of another processor would fail to load, and a connection would be told.
 */
import { Socket } from "node:net";

const connections = [];
Socket.prototype.connect = function connect(...to) {
  connections.push(JSON.stringify(to));
  return this;
};
globalThis.awslambda = { streamifyResponse: (handler) => handler };
const { handler } = await import(`${process.argv[2]}/index.js`);
// One turn, for what was begun and not waited for.
await new Promise((resolve) => setImmediate(resolve));
process.stdout.write(JSON.stringify({ handler: typeof handler, connections }));
process.exit(0);

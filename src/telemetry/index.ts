/**
 * telemetry: what did a query cost?
 * Answers: the receipt of the query that runs here, and what it comes to in dollars.
 * Owns: the price list, the receipt in flight.
 * Never: changes what is answered.
 */
export { addCold, currentReceipt, emptyReceipt, type Receipt, usdOf, withReceipt } from "./receipt.ts";

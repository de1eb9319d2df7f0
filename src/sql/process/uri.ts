import { pathToFileURL } from "node:url";
import { quoteText } from "../language/print.ts";

/** The name of a file as ATTACH takes it, in quotes. */
export const fileUri = (path: string, query: string): string => quoteText(`${pathToFileURL(path).href}?${query}`);

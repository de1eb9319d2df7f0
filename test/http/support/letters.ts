import { fakeEmbedder } from "../../engine/support/fake-embedder.ts";

/** Six numbers a text; the name is one that a server may be configured with. */
export const letters = fakeEmbedder("local", 6);

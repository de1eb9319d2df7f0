/**
 * embedding: texts to vectors.
 * Answers: which vector stands for this text, by the model that the settings name?
 * Owns: the embedding threads, the model they load and the connection to an embedding endpoint.
 * Never: knows of documents, collections or storage; loads a model, or the code that runs one, in the calling thread.
 */
export type { Embedder } from "./embedder.ts";
export { type EmbeddingSettings, openEmbedder } from "./open-embedder.ts";

import type { PreTrainedTokenizer, Tensor } from "@huggingface/transformers";

/** What the model reads of one text. */
export type Tokens = ReturnType<PreTrainedTokenizer["_call"]>;

/**
 * Cuts texts into at most `maxTokens` tokens. transformers.js cuts off the closing mark (`[SEP]`, `</s>`) of a text that
 * is too long; the model was trained to see it, and the reference implementation keeps it, so it is put back.
 */
export function tokenizerFor(tokenizer: PreTrainedTokenizer, maxTokens: number): (text: string) => Tokens {
  const cut = (text: string): Tokens => tokenizer(text, { truncation: true, max_length: maxTokens });
  const idsOf = (tokens: Tokens): BigInt64Array => (tokens.input_ids as Tensor).data as BigInt64Array;
  const marks = idsOf(cut(""));
  const closing = marks.length > 1 ? marks.at(-1) : undefined;
  return (text) => {
    const tokens = cut(text);
    const ids = idsOf(tokens);
    if (closing !== undefined && ids.length === maxTokens) ids[maxTokens - 1] = closing;
    return tokens;
  };
}

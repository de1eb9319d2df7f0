import { asMosaicError } from "../base/index.ts";
import { problemOf } from "./problem.ts";

/**
 * Lines of JSON as they become known: each result, then `last` of what the generator returned. What fails after the first line
 * is a line `{"error": problem}`. A line is made when the reader wants it, and a reader that goes away ends the generator.
 * Throws what the first step throws, so that it becomes a problem document.
 */
export async function ndjsonOf<Item, End>(
  source: AsyncGenerator<Item, End>,
  last: (end: End) => object,
  onError: (error: unknown) => void,
): Promise<ReadableStream<Uint8Array>> {
  let next: IteratorResult<Item, End> | undefined = await source.next();
  const line = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller): Promise<void> {
        try {
          const step = next ?? (await source.next());
          next = undefined;
          controller.enqueue(line(step.done === true ? last(step.value) : step.value));
          if (step.done === true) controller.close();
        } catch (error) {
          onError(error);
          controller.enqueue(line({ error: problemOf(asMosaicError(error, "stream results")) }));
          controller.close();
        }
      },
      async cancel(): Promise<void> {
        await source.return(undefined as never);
      },
    },
    { highWaterMark: 0 },
  );
}

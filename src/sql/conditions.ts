import { LRUCache } from "lru-cache";
import { type DocumentExpression, type ExpressionSource, readExpression } from "./condition.ts";
import { type ConditionShape, shapeOf } from "./condition-shape.ts";
import { bindValues } from "./language/parameters.ts";

const rememberedShapes = 1000;
const longestShape = 10_000;

/**
 * Reads conditions. One that differs from another only in what it compares with is not parsed and checked again: an application
 * sends few shapes, and ever new constants.
 */
export class Conditions {
  readonly #known = new LRUCache<string, DocumentExpression>({ max: rememberedShapes });

  /** Throws what `readExpression` throws. */
  read(source: ExpressionSource): DocumentExpression {
    const shape = source.sql.length > longestShape ? undefined : shapeOf(source.sql);
    if (shape === undefined || !shape.isFixed || isWrong(source, shape)) return readExpression(source);
    const known = this.#known.get(shape.text) ?? this.#read(source, shape);
    if (known === undefined) return readExpression(source);
    const values = shape.hasParameters ? source.params : shape.values;
    return { ...known, bindings: bindValues(values, known.numbers) };
  }

  /** Undefined when it can't be read: then the whole text tells where it is wrong. */
  #read(source: ExpressionSource, { text, values, hasParameters }: ConditionShape): DocumentExpression | undefined {
    let read: DocumentExpression;
    try {
      read = readExpression({ ...source, sql: text, params: hasParameters ? source.params : values });
    } catch {
      return undefined;
    }
    this.#known.set(text, read);
    return read;
  }
}

/** Values for a condition that takes none. */
const isWrong = ({ params }: ExpressionSource, { hasParameters }: ConditionShape): boolean =>
  !hasParameters && params !== undefined && (!Array.isArray(params) || params.length > 0);

import type { z } from "@hono/zod-openapi";
import { type FieldFault, RequestError } from "./problem.ts";

type Where = "body" | "query";
type Issue = z.core.$ZodIssue;

/** More than this nobody reads; a vector of words instead of numbers would give hundreds. */
const maxFaults = 20;

const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

const placeOf = (where: Where, path: readonly PropertyKey[]): Pick<FieldFault, "pointer" | "parameter"> =>
  where === "body" ? { pointer: pointerOf(path) } : { parameter: String(path[0] ?? "") };

/**
 * Of a value that may have several forms: what is wrong with the form that fits it best, which is the one with the
 * deepest fault. Undefined where none fits at all.
 */
function bestForm(forms: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const depthOf = (issues: readonly Issue[]): number => Math.max(...issues.map(({ path }) => path.length));
  const [best] = forms.toSorted((a, b) => depthOf(b) - depthOf(a));
  if (best === undefined) return undefined;
  const inside = depthOf(best) > 0 || best.some(({ code }) => code === "unrecognized_keys");
  return inside ? best : undefined;
}

/** The faults of one issue; an object with three unknown keys is three faults, each naming its key. */
function faultsOf(issue: Issue, where: Where): FieldFault[] {
  const form = issue.code === "invalid_union" ? bestForm(issue.errors) : undefined;
  if (form !== undefined) {
    return form.flatMap((inner) => faultsOf({ ...inner, path: [...issue.path, ...inner.path] }, where));
  }
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      ...placeOf(where, [...issue.path, key]),
      code: "unknown_field",
      detail: `${where === "body" ? "The field" : "The parameter"} ${JSON.stringify(key)} is not known here.`,
    }));
  }
  const code = issue.code === "custom" && typeof issue.params?.code === "string" ? issue.params.code : "invalid_field";
  return [{ ...placeOf(where, issue.path), code, detail: issue.message }];
}

/** The code of the whole: that of the only fault, or of the first that says more than `invalid_field`. */
function codeOf(faults: readonly FieldFault[]): string {
  const telling = faults.find((fault) => fault.code !== "invalid_field");
  return telling?.code ?? "invalid_field";
}

const nameOf = (fault: FieldFault): string => fault.parameter ?? fault.pointer?.slice(1) ?? "";

function refuse(error: z.core.$ZodError, where: Where): RequestError {
  const faults = error.issues.flatMap((issue) => faultsOf(issue, where));
  const code = codeOf(faults);
  const first = faults.find((fault) => fault.code === code);
  const name = first === undefined ? "" : nameOf(first);
  const detail = `${name === "" ? "" : `${name}: `}${first?.detail ?? "The request is not valid."}`;
  return new RequestError("invalid", code, detail, { members: { errors: faults.slice(0, maxFaults) } });
}

/** `value` as `schema` gives it out, or `invalid` with every fault and its place. */
export function validated<Schema extends z.ZodType>(schema: Schema, value: unknown, where: Where): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw refuse(result.error, where);
}

/** The same object to a type system that tells "absent" from "undefined": JSON has only the former. */
export type Given<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };
export function given<T extends object>(value: T): Given<T> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Given<T>;
}

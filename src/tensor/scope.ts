/** Who frees a tensor: the innermost `scope()` in which it was made, unless it is returned or kept. */
import { fail } from "../core/index.ts";
import { adopt, closeScope, openScope } from "./ownership.ts";
import { releaseSince, tapeMark } from "./tape.ts";
import { Tensor } from "./tensor.ts";

/** Every tensor inside a value: the value itself, or the members of arrays, sets, maps and plain objects. */
function tensorsIn(value: unknown, found: Set<Tensor> = new Set(), seen: Set<object> = new Set()): Set<Tensor> {
  if (value === null || typeof value !== "object" || seen.has(value)) return found;
  seen.add(value);
  if (value instanceof Tensor) found.add(value);
  else if (Array.isArray(value) || value instanceof Map || value instanceof Set) {
    for (const member of value.values()) tensorsIn(member, found, seen);
  } else if (isPlainObject(value)) {
    for (const member of Object.values(value)) tensorsIn(member, found, seen);
  }
  return found;
}

function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === null;
}

/**
 * Runs `body` and frees every tensor made inside, except those it returns (alone, or in arrays, sets, maps and plain objects): they
 * pass to the scope outside. What the tape recorded inside is freed too, unless a returned tensor still needs it. Where there is no
 * scope outside, a returned tensor lives until `dispose()`. `body` must not be asynchronous: throws a STATE error.
 */
export function scope<R>(body: () => R): R {
  const mark = tapeMark();
  openScope();
  let returned = new Set<Tensor>();
  try {
    const result = body();
    if (result instanceof Promise) {
      fail("STATE", {
        where: "scope()",
        expected: "a function that is done when it returns",
        got: "a promise",
        hint: "Await first, and put only the synchronous part into scope().",
      });
    }
    returned = tensorsIn(result);
    return result;
  } finally {
    const made = closeScope();
    const needsTape = [...returned].some(({ variable }) => variable !== null && !variable.leaf && !variable.spent);
    if (!needsTape) releaseSince(mark);
    for (const tensor of made) {
      if (returned.has(tensor as Tensor)) adopt(tensor);
      else tensor.dispose();
    }
  }
}

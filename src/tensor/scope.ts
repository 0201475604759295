/** Who frees a tensor: the innermost `scope()` in which it was made, unless it is returned or kept. */
import type { Tensor } from "./tensor.ts";
import { releaseSince, tapeLength } from "./tape.ts";

const scopes: Set<Tensor>[] = [];

/** Called by every new tensor. */
export function adopt(tensor: Tensor): void {
  scopes.at(-1)?.add(tensor);
}

/** Called by a tensor that is disposed. */
export function disown(tensor: Tensor): void {
  for (const scope of scopes) scope.delete(tensor);
}

/** Takes a tensor out of every open scope: it lives until `dispose()`. */
export function keep<T extends Tensor>(tensor: T): T {
  disown(tensor);
  return tensor;
}

/** Every tensor inside a value: the value itself, or the members of arrays, maps and plain objects. */
function tensorsIn(value: unknown, found: Set<unknown> = new Set()): Set<unknown> {
  if (value === null || typeof value !== "object" || found.has(value)) return found;
  if ("storage" in Object.getPrototypeOf(value)) {
    found.add(value);
  } else if (Array.isArray(value) || value instanceof Map) {
    for (const member of value.values()) tensorsIn(member, found);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const member of Object.values(value)) tensorsIn(member, found);
  }
  return found;
}

/**
 * Runs `body` and frees every tensor made inside, except those it returns (alone, or in arrays, maps and plain objects): they
 * pass to the scope outside. What the tape recorded inside is freed too, unless a returned tensor still needs it.
 */
export function scope<R>(body: () => R): R {
  const made = new Set<Tensor>();
  const recorded = tapeLength();
  scopes.push(made);
  let result: R | undefined;
  let done = false;
  try {
    result = body();
    done = true;
    return result;
  } finally {
    scopes.pop();
    const returned = done ? tensorsIn(result) : new Set<unknown>();
    const needsTape = [...returned].some((t) => (t as Tensor).variable !== null && !(t as Tensor).variable!.leaf);
    if (!needsTape) releaseSince(recorded);
    for (const tensor of [...made]) {
      if (returned.has(tensor)) adopt(tensor);
      else tensor.dispose();
    }
  }
}

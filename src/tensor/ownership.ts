/** Which open scope owns which tensor. Only bookkeeping: `scope.ts` opens and closes, tensors report their birth and death. */

interface Owned {
  dispose(): void;
}

const open: Set<Owned>[] = [];

/** Called by every new tensor: the innermost scope owns it. */
export function adopt(tensor: Owned): void {
  open.at(-1)?.add(tensor);
}

/** Called by a tensor that is disposed. */
export function disown(tensor: Owned): void {
  for (const owned of open) owned.delete(tensor);
}

/** Takes a tensor out of every open scope: it lives until `dispose()`. What the tape recorded for it is still freed with the scope. */
export function keep<T extends Owned>(tensor: T): T {
  disown(tensor);
  return tensor;
}

export function openScope(): void {
  open.push(new Set());
}

/** Closes the innermost scope and returns what it still owned. */
export function closeScope(): Owned[] {
  return [...(open.pop() ?? [])];
}

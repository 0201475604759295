/** The one form in which the Loihi quantizer says what the chip cannot hold. */
import { fail } from "../../core/index.ts";
import type { Layer } from "../../model/index.ts";

export function refuse(layer: Layer, expected: string, got: string, hint: string): never {
  fail("TARGET", { where: `Loihi, ${layer.label}`, expected, got, hint });
}

/** What an encoder is: it turns an image into a sequence over time. Encoders run on the host, never on the chip. */
import type { z } from "zod";
import { fail, nearestName, parseWith, type RandomStream } from "../../core/index.ts";
import { clamp, countDifferent, noGrad, scope, type Tensor } from "../../tensor/index.ts";
import type { InputForm, InputValues } from "../graph.ts";

export interface EncoderDefinition<O extends object = object> {
  kind: string;
  summary: string;
  options: z.ZodType<O>;
  /** How the encoded input reaches a chip. */
  form: InputForm;
  values: InputValues;
  /** x `[N, ...]`; returns `[T, N, ...]`. Encoders of spikes take values from 0 to 1. */
  encode(x: Tensor, steps: number, options: O, random: RandomStream): Tensor;
}

/** An encoder with its options. */
export interface Encoder {
  readonly kind: string;
  readonly form: InputForm;
  readonly values: InputValues;
  encode(x: Tensor, steps: number, random: RandomStream): Tensor;
  describe(): { kind: string; [option: string]: unknown };
}

export function makeEncoder<O extends object>(
  definition: EncoderDefinition<O>,
  options: unknown = {},
  where = definition.kind,
): Encoder {
  const parsed = parseWith(definition.options, options, where);
  return {
    kind: definition.kind,
    form: definition.form,
    values: definition.values,
    encode: (x, steps, random) => definition.encode(x, steps, parsed, random),
    describe: () => ({ kind: definition.kind, ...parsed }),
  };
}

/** Encoders that make spikes read a pixel as a share of the brightest. @throws VALUE for anything else, NaN included */
export function expectUnitRange(x: Tensor, kind: string): void {
  const outside = noGrad(() => scope(() => countDifferent(clamp(x, 0, 1), x).different));
  if (outside === 0) return;
  fail("VALUE", {
    where: kind,
    expected: "values from 0 to 1",
    got: `${outside} of ${x.size} outside`,
    hint: "Leave out the dataset's normalise, or use the ConstantEncoder.",
  });
}

/** Builds an encoder from `{ "kind": "PoissonEncoder", ... }`. */
export function encoderFromDescription(
  description: { kind: string; [option: string]: unknown },
  definitions: readonly EncoderDefinition[],
  where = "encoder",
): Encoder {
  const { kind, ...options } = description;
  const definition = definitions.find((candidate) => candidate.kind === kind);
  if (definition) return makeEncoder(definition, options, `${where} (${kind})`);
  const known = definitions.map((candidate) => candidate.kind);
  const near = nearestName(kind, known);
  fail("OPTION", {
    where,
    expected: `one of ${known.join(", ")}`,
    got: `"${kind}"`,
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}

/** What an encoder is: it turns an image into a sequence over time. Encoders run on the host, never on the chip. */
import type { z } from "zod";
import { fail, nearestName, parseWith, type RandomStream } from "../../core/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { InputForm, InputValues } from "../graph.ts";

export interface EncoderDefinition<O extends object = object> {
  kind: string;
  summary: string;
  options: z.ZodType<O>;
  /** How the encoded input reaches a chip. */
  form: InputForm;
  values: InputValues;
  /** x `[N, ...]` with values in [0, 1] unless said otherwise; returns `[T, N, ...]`. */
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

export function makeEncoder<O extends object>(definition: EncoderDefinition<O>, options: unknown = {}): Encoder {
  const parsed = parseWith(definition.options, options, definition.kind);
  return {
    kind: definition.kind,
    form: definition.form,
    values: definition.values,
    encode: (x, steps, random) => definition.encode(x, steps, parsed, random),
    describe: () => ({ kind: definition.kind, ...parsed }),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a list of encoders of every option type
export type AnyEncoderDefinition = EncoderDefinition<any>;

/** Builds an encoder from `{ "kind": "PoissonEncoder", ... }`. */
export function encoderFromDescription(
  description: { kind: string; [option: string]: unknown },
  definitions: readonly AnyEncoderDefinition[],
): Encoder {
  const { kind, ...options } = description;
  const definition = definitions.find((candidate) => candidate.kind === kind);
  if (definition) return makeEncoder(definition, options);
  const known = definitions.map((candidate) => candidate.kind);
  const near = nearestName(kind, known);
  fail("OPTION", {
    where: "network.encoder",
    expected: `one of ${known.join(", ")}`,
    got: `"${kind}"`,
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}

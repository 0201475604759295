/** Schemas of one sample: its image, and what the neurons of each layer did with it on both sides. */
import { z } from "zod";
import { nonNegativeInteger, positiveInteger } from "../../core/index.ts";

export const sampleSchema = z
  .strictObject({
    /** Place in the test split, from 0. */
    index: nonNegativeInteger,
    label: nonNegativeInteger,
    image: z.strictObject({
      /** `[C,H,W]` */
      shape: z.tuple([positiveInteger, positiveInteger, positiveInteger]),
      values: z.array(z.number()),
    }),
  })
  .refine(({ image }) => image.values.length === image.shape[0] * image.shape[1] * image.shape[2], {
    message: "the number of values does not fit the shape",
    path: ["image", "values"],
  });
export type SampleFacts = z.infer<typeof sampleSchema>;

const neuronSchema = z.strictObject({
  /** Place in the layer, C,H,W order. */
  index: nonNegativeInteger,
  /** Steps, from 0, at which each side fired, and those at which their values differ. */
  trained: z.array(nonNegativeInteger),
  chip: z.array(nonNegativeInteger),
  differs: z.array(nonNegativeInteger),
});
export type RasterNeuron = z.infer<typeof neuronSchema>;

export const rasterSchema = z
  .strictObject({
    layer: z.string(),
    steps: positiveInteger,
    /** Neurons of the layer, of which `neurons` may be a choice. */
    total: positiveInteger,
    /** How many of all neurons differ at least once. */
    differing: nonNegativeInteger,
    neurons: z.array(neuronSchema),
    /** Share of all neurons that fire at each step. */
    rates: z.strictObject({ trained: z.array(z.number().min(0)), chip: z.array(z.number().min(0)) }),
  })
  .superRefine((raster, context) => {
    const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: "custom", path, message });
    for (const side of ["trained", "chip"] as const) {
      if (raster.rates[side].length !== raster.steps) refuse(["rates", side], `expected ${raster.steps} rates`);
    }
    raster.neurons.forEach((neuron, i) => {
      const steps = [...neuron.trained, ...neuron.chip, ...neuron.differs];
      if (neuron.index >= raster.total) refuse(["neurons", i, "index"], `the layer has ${raster.total} neurons`);
      if (steps.some((step) => step >= raster.steps)) refuse(["neurons", i], `the sample has ${raster.steps} steps`);
    });
  });
export type Raster = z.infer<typeof rasterSchema>;

/** What both sides made of the sample. */
export const sampleRunSchema = z.strictObject({
  /** Rate of each class. */
  rates: z.strictObject({ trained: z.array(z.number()), chip: z.array(z.number()) }),
  layers: z.array(rasterSchema),
});
export type SampleRun = z.infer<typeof sampleRunSchema>;

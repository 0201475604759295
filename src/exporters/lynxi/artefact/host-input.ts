/**
 * What the host sends where it is not the graph's own numbers: bytes of an image, normalised on the chip. Lyngor takes mean and variance as
 * arguments of load and puts (byte - mean) / variance before the graph (GitHub LynxiTechnology/Lynxi-model-zoo, 2_convert.sh files:
 * `--normalization --mean 0,0,0 --variance 255,255,255`, so "variance" is what is divided by).
 */
import { fail, sizeOf } from "../../../core/index.ts";
import { roundToFloat16 } from "../emulation/float16.ts";
import type { Lowering } from "../lower.ts";
import type { HostArray } from "./session.ts";

/** One number each, or one for each channel. */
export interface Normalization {
  mean: number[];
  variance: number[];
}

const LARGEST_BYTE = 255;

/** By default bytes become numbers from 0 to 1; spikes stay 0 and 1. @throws OPTION for a number of channels that the input has not. */
export function byteInput(lowering: Lowering, given: Partial<Normalization>): Normalization {
  const { inputShape, inputValues } = lowering;
  const { mean = [0], variance = [inputValues === "spikes" ? 1 : LARGEST_BYTE] } = given;
  const channels = inputShape[0] ?? 1;
  for (const [name, numbers] of Object.entries({ mean, variance })) {
    if (numbers.length === 1 || numbers.length === channels) continue;
    const where = `Lynxi export: ${name}`;
    fail("OPTION", { where, expected: `1 number or ${channels}, one for each channel`, got: `${numbers.length}` });
  }
  return { mean, variance };
}

/** The numbers that the graph computes with, rows `[rows, C, ...]`: float16 after the difference and after the quotient. */
export function normalised({ shape, data }: HostArray, { mean, variance }: Normalization): HostArray {
  const [, channels = 1, ...rest] = shape;
  const pixels = sizeOf(rest);
  const numbers = data.map((byte, index) => {
    const channel = Math.floor(index / pixels) % channels;
    const difference = roundToFloat16(byte - mean[channel % mean.length]!);
    return roundToFloat16(difference / variance[channel % variance.length]!);
  });
  return { shape, data: numbers };
}

/** Which random stream serves which purpose, so that one seed gives independent numbers to each. */
import { RandomStream } from "../core/index.ts";

export const initializationStream = (seed: number) => new RandomStream(seed, 1);
/** Encoders and dropout while training. */
export const trainingStream = (seed: number) => new RandomStream(seed, 2);
/** Order of the training samples. */
export const shuffleStream = (seed: number) => new RandomStream(seed, 3);
/** Encoders while evaluating: the same spikes at every evaluation. */
export const evaluationStream = (seed: number) => new RandomStream(seed, 4);

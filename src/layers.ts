/** Every layer a network description may name: the one place where the registries are put together. */
import { layerRegistry, modelLayerDefinitions } from "./model/index.ts";
import {
  blockDefinition,
  float16SequentialDefinition,
  meanOnlyBatchNormDefinition,
  wgtScaleBatchNormDefinition,
} from "./quantize/index.ts";

export const layers = layerRegistry(modelLayerDefinitions, [
  blockDefinition,
  meanOnlyBatchNormDefinition,
  wgtScaleBatchNormDefinition,
  float16SequentialDefinition,
]);

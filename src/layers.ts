/** Every layer a network description may name: the one place where the registries are put together. */
import { layerRegistry, modelLayerDefinitions } from "./model/index.ts";
import {
  axonalDelayDefinition,
  blockDefinition,
  delayShiftDefinition,
  float16SequentialDefinition,
  inputBlockDefinition,
  meanOnlyBatchNormDefinition,
  recurrentBlockDefinition,
  sigmaDeltaBlockDefinition,
  sigmaDeltaDefinition,
  wgtScaleBatchNormDefinition,
} from "./quantize/index.ts";

export const layers = layerRegistry(modelLayerDefinitions, [
  blockDefinition,
  axonalDelayDefinition,
  delayShiftDefinition,
  recurrentBlockDefinition,
  inputBlockDefinition,
  sigmaDeltaDefinition,
  sigmaDeltaBlockDefinition,
  meanOnlyBatchNormDefinition,
  wgtScaleBatchNormDefinition,
  float16SequentialDefinition,
]);

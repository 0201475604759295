/** Surrogate functions: one definition each, read by the number target, the kernels and the documentation. */
export * from "./arithmetic.ts";
export { defineSurrogate, type SurrogateContext, type SurrogateDefinition } from "./define.ts";
export { arctangent, complementaryError, exponential } from "./functions.ts";
export {
  parseSurrogate,
  type Surrogate,
  type SurrogateKind,
  surrogate,
  surrogateCall,
  surrogateDefinition,
  surrogateDefinitions,
  surrogateFunction,
} from "./registry.ts";

/** Files that hold trained numbers: safetensors both ways, PyTorch checkpoints read only. */
export * from "./safetensors.ts";
export * from "./stored.ts";
export * from "./torch-file.ts";

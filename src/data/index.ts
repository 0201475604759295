/** Datasets: reading them from files, and handing them to training in batches. */
export * from "./dataset.ts";
export * from "./idx.ts";
export * from "./loader.ts";
export * from "./npy.ts";
export * from "./open.ts";

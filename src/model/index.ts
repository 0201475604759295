/** What a network is: neurons, surrogates, layers, encoders, networks, the chip-neutral graph, checkpoints. */
export * from "./checkpoint/index.ts";
export * from "./checkpoint.ts";
export * from "./description.ts";
export * from "./encoders/index.ts";
export * from "./graph.ts";
export * from "./layers/index.ts";
export * from "./network.ts";
export * from "./neurons/index.ts";
export * from "./state-dict.ts";
export * from "./streams.ts";
export * from "./summary.ts";
export * from "./surrogates/index.ts";

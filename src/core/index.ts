export * from "./bytes.ts";
export * from "./crc.ts";
export * from "./dtype.ts";
export * from "./errors.ts";
export * from "./files.ts";
export * from "./random.ts";
export * from "./schema.ts";
export * from "./shape.ts";

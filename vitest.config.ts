import { defineConfig } from "vitest/config";

// One native core and two processor cores: files run in separate processes, two at a time, so that a crash names its file.
export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    setupFiles: ["tests/setup.ts"],
    reporters: process.env.CI ? ["default", "./tests/plain-reporter.ts"] : ["default"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

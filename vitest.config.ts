/**
 * How the tests run: compiled output is built once first, because child processes run it; every
 * wait has an end.
 */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup/build.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    passWithNoTests: false,
    allowOnly: false,
    coverage: {
      provider: 'v8',
      include: ['src/**', 'wal/**', 'checkpoint/**'],
      reporter: ['text-summary', 'json-summary'],
    },
  },
})

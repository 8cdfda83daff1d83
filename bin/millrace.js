#!/usr/bin/env node
// Starts the compiled command, or says how to compile it.
import { existsSync } from 'node:fs'
const main = new URL('../dist/src/main.js', import.meta.url)
if (existsSync(main)) await import(main.href)
else {
  console.error('millrace: dist is missing; run: npm run build')
  process.exitCode = 64
}

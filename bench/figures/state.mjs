/** `state-cost.mjs` in a process of its own: its memory is that of the state. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('../state-cost.mjs', import.meta.url))
const HEAP_MB = 6000
const LIMIT_MS = 600_000

export async function stateCost({ large, batches }) {
  const flags = [`--max-old-space-size=${HEAP_MB}`, SCRIPT, String(large), String(batches)]
  const done = spawnSync(process.execPath, flags, { encoding: 'utf8', timeout: LIMIT_MS })
  if (done.status !== 0) throw new Error(`state-cost.mjs: ${done.stderr || String(done.error)}`)
  return JSON.parse(done.stdout)
}

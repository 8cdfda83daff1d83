/**
 * Where the processor's time goes: V8's CPU profiles of the driver and of one executor, by self
 * time. A function without a file (native code, a built-in) is told with the nearest caller of
 * ours. Compiled files map to their sources by name.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../dist/', import.meta.url))
const WAITING = new Set(['(idle)', '(program)', '(root)'])

/** Runs `measure` with a directory for profiles; gives the largest costs by kind of process. */
export async function profiled(measure, top = 3) {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-profile-'))
  try {
    await measure(directory)
    return readProfiles(directory, top)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Of each kind the busiest profile. */
export function readProfiles(directory, top) {
  const busiest = {}
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.cpuprofile'))) {
    const profile = JSON.parse(readFileSync(join(directory, name), 'utf8'))
    const kind = kindOf(profile)
    const costs = costsOf(profile)
    if (kind === undefined || costs.busyMs <= (busiest[kind]?.busyMs ?? 0)) continue
    busiest[kind] = { ...costs, top: costs.top.slice(0, top) }
  }
  return busiest
}

function kindOf({ nodes }) {
  const files = nodes.map(({ callFrame }) => callFrame.url)
  if (files.some((url) => url.endsWith('/executor/executor-main.js'))) return 'executor'
  if (files.some((url) => url.endsWith('/engine/engine.js'))) return 'driver'
  return undefined
}

function costsOf({ nodes, samples, timeDeltas }) {
  const self = new Map()
  for (const [i, id] of samples.entries()) {
    self.set(id, (self.get(id) ?? 0) + Math.max(0, timeDeltas[i] ?? 0) / 1000)
  }
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parents = new Map()
  for (const { id, children = [] } of nodes) for (const child of children) parents.set(child, id)
  const costs = new Map()
  let busyMs = 0
  for (const [id, ms] of self) {
    const name = nameOf(id, byId, parents)
    if (name === undefined) continue
    busyMs += ms
    costs.set(name, (costs.get(name) ?? 0) + ms)
  }
  const top = [...costs].sort((a, b) => b[1] - a[1])
  return { busyMs, top: top.map(([name, ms]) => ({ name, share: ms / busyMs })) }
}

function nameOf(id, byId, parents) {
  const { callFrame } = byId.get(id)
  if (WAITING.has(callFrame.functionName)) return undefined
  if (callFrame.functionName === '(garbage collector)') return 'garbage collector'
  const name = callFrame.functionName || 'anonymous'
  const own = sourceOf(callFrame.url)
  if (own !== undefined) return `${name} (${own})`
  for (let at = parents.get(id); at !== undefined; at = parents.get(at)) {
    const caller = byId.get(at).callFrame
    const file = sourceOf(caller.url)
    if (file !== undefined) return `${name} ◄ ${caller.functionName || 'anonymous'} (${file})`
  }
  return `${name} (${callFrame.url || 'native'})`
}

/** `src/wal/x.ts` for the compiled file of it, the program's name for a bundle. */
function sourceOf(url) {
  if (!url.startsWith('file://')) return undefined
  const path = fileURLToPath(url)
  if (path.startsWith(ROOT)) return path.slice(ROOT.length).replace(/\.js$/, '.ts')
  if (path.includes('/programs/')) return 'the program'
  const inside = path.lastIndexOf('node_modules/')
  return inside < 0 ? path : path.slice(inside + 'node_modules/'.length)
}

/**
 * A life: boots over one disk, each but the last one cut short by a crash at a chosen effect or by
 * its faults; then the oracle.
 */
import type { Dice } from '../kill/dice.ts'
import { boot, type BootResult } from './boot.ts'
import { makeProducers, type Producer } from './clients.ts'
import { SimDisk } from './disk.ts'
import type { Fault, Fired } from './faults.ts'
import { OUT } from './labels.ts'
import { judge } from './oracle.ts'
import type { Program } from './programs.ts'
import type { Trace } from './trace.ts'
import type { SlowPlace } from './world.ts'

const START_MS = 1_700_000_000_000
const KEYS = 23

export type CrashKind = 'power' | 'kill'

/** What lasts from boot to boot. */
export interface Ground {
  readonly disk: SimDisk
  readonly producers: readonly Producer[]
  /** Published files as some reader has seen them. */
  readonly read: Map<string, string>
  now: number
}

export interface LifeSize {
  /** POSTs of each producer, records of each POST, mean time between two POSTs in ms. */
  readonly posts: number
  readonly records: number
  readonly paceMs: number
}

export const newGround = (program: Program, size: LifeSize): Ground => {
  const disk = new SimDisk()
  disk.makeDirectory('/data')
  disk.makeDirectory(OUT)
  disk.syncDirectory('/')
  const producers = makeProducers(program.ports, { each: 2, ...size })
  return { disk, producers, read: new Map(), now: START_MS }
}

export const forkGround = (ground: Ground): Ground => ({
  disk: ground.disk.clone(),
  producers: ground.producers.map((producer) => ({ ...producer })),
  read: new Map(ground.read),
  now: ground.now,
})

export interface StepOptions {
  readonly program: Program
  readonly size: LifeSize
  readonly trace: Trace
  readonly fired: Fired
  readonly faults: readonly Fault[]
  readonly dice: Dice
  readonly slow?: SlowPlace
  readonly lastEffect?: number
  readonly onEffect?: (label: string, phase: string, n: number) => void
}

/** One boot over the ground, and what a reader of the published files sees at its end. */
export async function step(
  ground: Ground,
  { size, ...options }: StepOptions,
): Promise<{ readonly result: BootResult; readonly violations: readonly string[] }> {
  const keys = options.program.name === 'stateful' ? range(KEYS) : []
  const result = await boot({
    ...options,
    ...{ disk: ground.disk, producers: ground.producers, now: ground.now, keys },
    paceMs: size.paceMs,
  })
  ground.now = result.now
  const violations = [...result.violations]
  if (result.kind === 'stuck') violations.push('nothing can happen any more')
  if (result.isBroken) violations.push(`broken invariant: ${result.error ?? ''}`)
  for (const [path, text] of published(ground.disk)) {
    const before = ground.read.get(path)
    if (before !== undefined && before !== text) violations.push(`changed: ${path}`)
    if (!path.startsWith('.')) ground.read.set(path, text)
  }
  return { result, violations }
}

export function published(disk: SimDisk): Map<string, string> {
  const texts = new Map<string, string>()
  for (const { path, file } of disk.files(OUT)) {
    texts.set(path.slice(OUT.length + 1), Buffer.from(file.read(0, file.length)).toString())
  }
  return texts
}

/** What the disk holds after the end of a boot, by the way in which it ended. */
export function endOfBoot(ground: Ground, kind: CrashKind, dice: Dice): void {
  if (kind === 'power') ground.disk.crash(dice)
  ground.now += dice.below(5000)
}

/** The last boot: nothing goes wrong, so everything has to come right. */
export async function lastBoot(
  ground: Ground,
  options: Omit<StepOptions, 'faults' | 'slow' | 'lastEffect'>,
): Promise<readonly string[]> {
  ground.disk.capacity = undefined
  const { result, violations } = await step(ground, { ...options, faults: [] })
  if (result.kind !== 'stopped') {
    return [...violations, `no way on: ${result.kind} ${result.error ?? ''}`]
  }
  const sent = new Map(ground.producers.map(({ id, posts }) => [id, posts.flat()]))
  const text = published(ground.disk)
  const { program } = options
  return [
    ...violations,
    ...judge({ program: program.name, sent, published: text, state: result.state }),
    ...[...ground.read.keys()].filter((path) => !text.has(path)).map((path) => `gone: ${path}`),
  ]
}

export const batchesIn = (disk: SimDisk): number =>
  new Set([...published(disk).keys()].map((path) => /^seen[a-z-]*-(\d+)/.exec(path)?.[1])).size

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

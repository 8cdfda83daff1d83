/** What runner and lives agree on: one JSON file, named to the daemon's processes by a variable. */
import { readFileSync } from 'node:fs'
import type { Places } from './labels.ts'

export const SETTINGS_VARIABLE = 'CHAOS_KILL_SETTINGS'

/** Outputs of the program, in its order. */
export const OUTPUTS = ['numbers', 'luck'] as const
export const STATE = 'tally'
export const EXECUTORS = 2

export interface Settings extends Places {
  readonly seed: number
  readonly cycles: number
  /** The file of events. */
  readonly events: string
  /** The number of the newest life. */
  readonly lifeFile: string
}

export function readSettings(path: string): Settings {
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (!isSettings(value)) throw new TypeError(`not the settings of a run: ${path}`)
  return value
}

const isSettings = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && 'events' in value && 'lifeFile' in value

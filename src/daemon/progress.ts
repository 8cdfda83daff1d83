/**
 * How far a command is, on stderr: a bar on a terminal, a plain line a step elsewhere. What it says
 * never mixes with the answer on stdout.
 */
import type { Output } from '../host/shell.ts'
import { formatBytes } from './units.ts'

const WIDTH = 24
/** A terminal is written to only when the bar has moved by so much. */
const STEPS = 200

export interface Progress {
  /** `unit`: what is counted. Totals may be 0 while they are not known. */
  readonly step: (name: string, done: number, total: number, unit?: 'bytes' | 'entries') => void
  /** Leaves a clean line. */
  end(): void
}

export function progressOn(err: Output): Progress {
  let last = ''
  let shown = -1
  const clear = (): void => {
    if (err.terminal && last !== '') err.write('\r\u001b[K')
  }
  return {
    step(name, done, total, unit = 'bytes') {
      const part = total > 0 ? Math.min(1, done / total) : 0
      const at = Math.floor(part * STEPS)
      if (name === last && at === shown) return
      const begins = name !== last
      last = name
      shown = at
      if (err.terminal) err.write(`\r\u001b[K${barOf(name, part, done, total, unit)}`)
      else if (begins) err.write(`millrace: ${name}\n`)
    },
    end() {
      clear()
      last = ''
    },
  }
}

function barOf(
  name: string,
  part: number,
  done: number,
  total: number,
  unit: 'bytes' | 'entries',
): string {
  const filled = Math.round(part * WIDTH)
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}]`
  const [so, of] = unit === 'bytes' ? [done, total].map(formatBytes) : [done, total].map(String)
  const counts = total > 0 ? ` ${so ?? ''} of ${of ?? ''}` : ''
  return `${bar} ${String(Math.floor(part * 100)).padStart(3)} %  ${name}${counts}`
}

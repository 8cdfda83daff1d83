/** Waits until something is so, looking again each few milliseconds; fails after ten seconds. */
import { setTimeout } from 'node:timers/promises'

const LOOKS_MAX = 2000
const PERIOD_MS = 5

export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    if (isSo()) return
    await setTimeout(PERIOD_MS)
  }
  throw new Error(`waited in vain until ${what}`)
}

/** Chance from the operating system. */
import { randomBytes } from 'node:crypto'

import type { Random } from './host.ts'

export const nodeRandom: Random = {
  next: () => Math.random(),
  bytes: (n) => new Uint8Array(randomBytes(n)),
}

/**
 * Which part of a batch's way an effect belongs to, told by the effects themselves; and the name
 * under which a crash point is counted.
 */

export type Phase =
  'receive' | 'allocate' | 'compute' | 'commit' | 'publish' | 'clean' | 'start' | 'stop'

/** Effects of the two stores that end a commit. */
const COMMITTED = 2

export class Phases {
  #phase: Phase = 'receive'
  #synced = 0

  /** The phase an effect belongs to while the engine runs. */
  see(label: string): Phase {
    if (/^write log .*allocation/.test(label)) this.#phase = 'allocate'
    else if (/^to-x\d+ run/.test(label)) this.#phase = 'compute'
    else if (/^write store-[ab] log/.test(label)) {
      if (this.#phase !== 'commit') this.#synced = 0
      this.#phase = 'commit'
    } else if (/^write log .*cleanup/.test(label)) this.#phase = 'clean'
    const phase = this.#phase
    if (/^sync store-[ab] log/.test(label) && ++this.#synced === COMMITTED) this.#phase = 'publish'
    if (/^sync log .*cleanup/.test(label)) this.#phase = 'receive'
    return phase
  }
}

/** One name for the same point in every executor. */
export const pointOf = (label: string, phase: string, depth: number): string =>
  `${label.replace(/-x\d+/, '-x')} | ${phase} | ${String(depth)}`

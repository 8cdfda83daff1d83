/**
 * Several "processes" in this one: each is an async task with a runtime of its own, and their
 * collectives meet in memory. A task that fails aborts the others, as an attempt does.
 */
import { MillraceError } from '../../src/base/errors.ts'
import type { Collective, Place, TaskRuntime } from '../../src/dataset/runtime.ts'
import { Scope } from '../../src/dataset/scope.ts'

interface Meeting {
  readonly label: string
  readonly frames: (readonly Uint8Array[] | undefined)[]
  readonly resolvers: ((received: readonly Uint8Array[]) => void)[]
}

/** Frames meet by their number: the nth exchange of one rank with the nth of the others. */
export class LocalNetwork {
  readonly size: number
  readonly #meetings = new Map<number, Meeting>()
  readonly #abort = new AbortController()
  readonly #rejecters = new Set<(reason: unknown) => void>()
  /** Labels of all exchanges so far. */
  readonly labels: string[] = []

  constructor(size: number) {
    this.size = size
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  abort(reason: unknown): void {
    this.#abort.abort(reason)
    for (const reject of this.#rejecters) reject(reason)
  }

  collective(rank: number): Collective {
    let next = 0
    return {
      rank,
      size: this.size,
      exchange: (label, frames) => {
        next += 1
        return this.#meet(next, rank, label, frames)
      },
    }
  }

  #meet(
    number: number,
    rank: number,
    label: string,
    frames: readonly Uint8Array[],
  ): Promise<readonly Uint8Array[]> {
    const meeting = this.#meetings.get(number) ?? { label, frames: [], resolvers: [] }
    this.#meetings.set(number, meeting)
    if (meeting.label !== label) {
      const both = `'${meeting.label}' and '${label}'`
      return Promise.reject(new MillraceError('MR_COLLECTIVE_MISMATCH', `meeting of ${both}`))
    }
    if (frames.length !== this.size) return Promise.reject(new Error('a frame for each rank'))
    return new Promise((resolve, reject) => {
      this.#rejecters.add(reject)
      meeting.frames[rank] = frames
      meeting.resolvers[rank] = resolve
      if (Object.keys(meeting.resolvers).length < this.size) return
      this.labels.push(label)
      this.#meetings.delete(number)
      meeting.resolvers.forEach((done, to) => {
        // Copies: what crosses processes shares no memory.
        done(meeting.frames.map((from) => (from?.[to] ?? new Uint8Array(0)).slice()))
      })
    })
  }
}

export function localRuntime(
  network: LocalNetwork,
  rank: number,
  onEnter: (places: readonly Place[]) => void = () => undefined,
): TaskRuntime {
  let chunks = 0
  return {
    collective: network.collective(rank),
    signal: network.signal,
    enter: onEnter,
    // Now and then the loop turns, so that tasks interleave in many ways.
    breathe: () => {
      chunks += 1
      return chunks % 7 === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined
    },
  }
}

/** Runs `task` on `size` processes: what each resolved with. The first failure is thrown. */
export async function onProcesses<R>(
  size: number,
  task: (runtime: TaskRuntime) => Promise<R>,
): Promise<readonly R[]> {
  const network = new LocalNetwork(size)
  let first: { readonly error: unknown } | undefined
  const results = await Promise.allSettled(
    Array.from({ length: size }, async (_, rank) => {
      try {
        return await task(localRuntime(network, rank))
      } catch (error) {
        first ??= { error }
        network.abort(error)
        throw error
      }
    }),
  )
  if (first !== undefined) throw first.error
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
}

export interface LocalOptions {
  readonly partitions?: number
  readonly collectBytesMax?: number
}

export function localScope(runtime: TaskRuntime, options: LocalOptions = {}): Scope {
  const { partitions = 4, collectBytesMax = 1 << 20 } = options
  return new Scope({ runtime, partitions, collectBytesMax })
}

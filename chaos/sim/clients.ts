/**
 * The producers: each numbers its POSTs and keeps one until it is acknowledged; whatever happens to
 * the machine, it sends the same under the same number again.
 */
import { count, type Fired } from './faults.ts'
import { HttpConnection } from './http.ts'
import type { World } from './world.ts'

/** What outlives the boots. */
export interface Producer {
  readonly id: string
  readonly port: number
  /** The records of each POST, one a line. */
  readonly posts: readonly (readonly string[])[]
  /** Number of the first POST that is not acknowledged. */
  acknowledged: number
}

const RETRY_MS = 300

export function sendAll(
  world: World,
  producers: readonly Producer[],
  options: {
    /** Mean time between two POSTs, in ms. */
    readonly paceMs: number
    readonly fired: Fired
    readonly onViolation: (what: string) => void
  },
): { readonly done: boolean } {
  let working = producers.length
  for (const producer of producers) {
    void new Client(world, producer, options).run().then(() => {
      working -= 1
    })
  }
  return {
    get done() {
      return working === 0
    },
  }
}

class Client {
  readonly #world: World
  readonly #producer: Producer
  readonly #options: Parameters<typeof sendAll>[2]
  #connection: HttpConnection | undefined

  constructor(world: World, producer: Producer, options: Parameters<typeof sendAll>[2]) {
    this.#world = world
    this.#producer = producer
    this.#options = options
  }

  async run(): Promise<void> {
    const { clock, dice } = this.#world
    const producer = this.#producer
    while (producer.acknowledged < producer.posts.length) {
      await clock.sleep(dice.next() * 2 * this.#options.paceMs)
      while (!(await this.#send(producer.acknowledged))) await clock.sleep(RETRY_MS)
    }
  }

  /** True when it is acknowledged. */
  async #send(number: number): Promise<boolean> {
    const producer = this.#producer
    const body = (producer.posts[number] ?? []).map((line) => `${line}\n`).join('')
    this.#connection ??= HttpConnection.open(this.#world, producer.port)
    const connection = this.#connection
    if (connection === undefined) return false
    const headers = {
      'content-type': 'text/plain',
      'producer-id': producer.id,
      sequence: String(number),
    }
    const answering = connection.post(headers, body)
    if (this.#world.faults.strikes('connection-reset') !== undefined) {
      await this.#world.event('reset', () => undefined)
      connection.destroy()
    }
    const answer = await answering
    if (answer === undefined) this.#connection = undefined
    if (answer?.status === 409) {
      this.#options.onViolation(
        `acknowledged records of ${producer.id} are unknown: ${answer.body}`,
      )
    }
    if (answer?.status !== 200) return false
    await this.#world.effect('acknowledge', () => {
      producer.acknowledged = number + 1
      if (answer.body.includes('duplicate')) count(this.#options.fired, 'duplicate recognised')
    })
    return true
  }
}

/** `posts` POSTs of `records` records each, all different. */
export function makeProducers(
  ports: readonly number[],
  size: { readonly each: number; readonly posts: number; readonly records: number },
): Producer[] {
  return ports.flatMap((port) =>
    Array.from({ length: size.each }, (_, i) => {
      const id = `p${String(port)}${String(i)}`
      const posts = Array.from({ length: size.posts }, (_post, p) =>
        Array.from(
          { length: size.records },
          (_record, r) => `${id}:${String(p * size.records + r)}`,
        ),
      )
      return { id, port, posts, acknowledged: 0 }
    }),
  )
}

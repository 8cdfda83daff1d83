/**
 * Producers that number what they send and keep every record until it is acknowledged. After a
 * lost connection each sends all it holds again, under the same producer id and the same numbers.
 *
 * Invariants: a post is forgotten only after a 200; at most `WINDOW` posts a producer are held,
 * so that a daemon that is down stops the producers too; a server that asks for a number below
 * what it has acknowledged has lost records.
 */
import { setMaxListeners } from 'node:events'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { diceOf, type Dice } from './dice.ts'

const WINDOW = 4
const RECORDS_MAX = 3
const PAUSE_MS = 30
const RETRY_MS = 25
const RETRY_AFTER_MS_MAX = 2000
const REPLY_MS = 10_000

export interface ClientOptions {
  readonly port: number
  readonly producers: number
  readonly seed: number
  /** Called with each number before it is sent for the first time. */
  readonly onNumber?: (number: number) => void
}

interface Post {
  readonly sequence: number
  readonly numbers: readonly number[]
  sending: boolean
}

type Answer =
  | { readonly kind: 'acknowledged'; readonly duplicate: boolean }
  | { readonly kind: 'gap'; readonly expected: number }
  | { readonly kind: 'later'; readonly ms: number }
  | { readonly kind: 'refused'; readonly status: number; readonly text: string }

export class Client {
  readonly #options: ClientOptions
  readonly #stop = new AbortController()
  readonly #agent: Agent
  #producing = true
  #numbers = 0
  #acknowledged = 0
  #duplicates = 0
  readonly #violations: string[] = []
  #done: Promise<unknown> = Promise.resolve()

  constructor(options: ClientOptions) {
    this.#options = options
    // Each producer and each of its posts may wait at once.
    setMaxListeners(options.producers * (WINDOW + 1), this.#stop.signal)
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.producers * WINDOW })
  }

  /** Highest number given out; all from 1 on were. */
  get sent(): number {
    return this.#numbers
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Posts of which the server said that it had them already. */
  get duplicates(): number {
    return this.#duplicates
  }

  /** What the server must never say. */
  get violations(): readonly string[] {
    return this.#violations
  }

  start(): void {
    const { producers, seed } = this.#options
    this.#done = Promise.all(
      Array.from({ length: producers }, (_, i) => this.#produce(i, diceOf(seed * 31 + i))),
    )
  }

  /** No new numbers; resolves when all are acknowledged. */
  async finish(): Promise<void> {
    this.#producing = false
    await this.#done
    this.#agent.destroy()
  }

  /** Gives up at once. */
  async abandon(): Promise<void> {
    this.#producing = false
    this.#stop.abort()
    this.#agent.destroy()
    await this.#done
  }

  async #produce(index: number, dice: Dice): Promise<void> {
    const held: Post[] = []
    const id = `producer-${String(index)}`
    for (let sequence = 0; !this.#stop.signal.aborted;) {
      if (this.#producing && held.length < WINDOW) {
        held.push({
          sequence: sequence++,
          numbers: this.#take(1 + dice.below(RECORDS_MAX)),
          sending: false,
        })
      }
      if (held.length === 0 && !this.#producing) return
      for (const post of held.filter(({ sending }) => !sending)) void this.#deliver(id, post, held)
      await this.#wait(1 + dice.below(PAUSE_MS))
    }
  }

  #take(count: number): readonly number[] {
    return Array.from({ length: count }, () => {
      this.#numbers += 1
      this.#options.onNumber?.(this.#numbers)
      return this.#numbers
    })
  }

  /** One try. What is not acknowledged stays held and is sent again. */
  async #deliver(id: string, post: Post, held: Post[]): Promise<void> {
    post.sending = true
    // A reply is as old as its request: later acknowledgements prove nothing against it.
    const oldest = held[0]?.sequence ?? post.sequence
    const answer = await this.#send(id, post)
    switch (answer.kind) {
      case 'acknowledged':
        held.splice(held.indexOf(post), 1)
        this.#acknowledged += post.numbers.length
        if (answer.duplicate) this.#duplicates += 1
        return
      case 'gap':
        this.#checkExpected(id, answer.expected, oldest)
        await this.#wait(RETRY_MS)
        break
      case 'later':
        await this.#wait(answer.ms)
        break
      case 'refused':
        this.#violations.push(`${id}: ${String(answer.status)} ${answer.text}`)
        await this.#wait(RETRY_AFTER_MS_MAX)
    }
    post.sending = false
  }

  /** `oldest`: all numbers below it were acknowledged. */
  #checkExpected(id: string, expected: number, oldest: number): void {
    if (expected >= oldest) return
    const last = String(oldest - 1)
    this.#violations.push(
      `${id} was acknowledged up to ${last}, but the server asks for ${String(expected)}`,
    )
  }

  #send(id: string, post: Post): Promise<Answer> {
    const body = post.numbers.map((number) => `${String(number)}\n`).join('')
    const headers = {
      ...{ 'content-type': 'text/plain', 'content-length': Buffer.byteLength(body) },
      ...{ 'producer-id': id, sequence: String(post.sequence) },
    }
    const { port } = this.#options
    return new Promise((resolve) => {
      const lost = (): void => {
        resolve({ kind: 'later', ms: RETRY_MS })
      }
      const asked = request(
        { host: '127.0.0.1', port, method: 'POST', path: '/', headers, agent: this.#agent },
        (reply) => {
          let text = ''
          reply.setEncoding('utf8')
          reply.on('data', (piece: string) => (text += piece))
          reply.on('error', lost)
          reply.on('close', lost)
          reply.on('end', () => {
            resolve(answerOf(reply.statusCode ?? 0, reply.headers['retry-after'], text))
          })
        },
      )
      asked.on('error', lost)
      asked.setTimeout(REPLY_MS, () => asked.destroy())
      asked.end(body)
    })
  }

  async #wait(ms: number): Promise<void> {
    // An abandoned client waits no more; its loops look at the signal themselves.
    await sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined)
  }
}

function answerOf(status: number, retryAfter: string | undefined, text: string): Answer {
  const body = bodyOf(text)
  if (status === 200) return { kind: 'acknowledged', duplicate: body['duplicate'] === true }
  if (status === 409) return { kind: 'gap', expected: Number(body['expected']) }
  if (status === 429 || status === 503) {
    return { kind: 'later', ms: Math.min(Number(retryAfter ?? 1) * 1000, RETRY_AFTER_MS_MAX) }
  }
  return { kind: 'refused', status, text }
}

function bodyOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    // A reply that is no JSON says what its status says.
    return {}
  }
}

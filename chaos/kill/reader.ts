/**
 * Reads what the daemon published, by the names and bytes alone, and what the admin API says of
 * the state. It shares no code with the daemon.
 *
 * A directory is looked at when it first appears and once more at the end: what was published
 * must never change. What is seen is remembered by number: how often it stands in each output,
 * and the draw that stands beside it.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { join } from 'node:path'
import type { Tally } from './program.ts'
import { OUTPUTS, STATE } from './settings.ts'

const DIRECTORY = new RegExp(`^(${OUTPUTS.join('|')})-(\\d+)$`)
const QUERIES = 8
const ANSWER_MS = 10_000
const TRIES = 3

export class OutputReader {
  readonly #directory: string
  /** Digest of each directory as it was first seen. */
  readonly #digests = new Map<string, string>()
  readonly #problems: string[] = []
  /** How often each number stands in the first output, and in the second with which draws. */
  readonly numbers = new Map<number, number>()
  readonly luck = new Map<number, string[]>()

  constructor(directory: string) {
    this.#directory = directory
  }

  get directories(): number {
    return this.#digests.size
  }

  get problems(): readonly string[] {
    return this.#problems
  }

  /** Reads the directories that are new. */
  scan(): void {
    for (const name of readdirSync(this.#directory)) {
      const output = DIRECTORY.exec(name)?.[1]
      if (output === undefined || this.#digests.has(name)) continue
      const { digest, lines } = this.#read(name)
      this.#digests.set(name, digest)
      for (const line of lines) this.#take(name, output, line)
    }
  }

  /** Reads everything again, and looks for what must not lie there after the end. */
  recheck(): void {
    this.scan()
    for (const [name, digest] of this.#digests) {
      if (this.#read(name).digest !== digest) this.#problems.push(`${name} has changed`)
    }
    for (const name of readdirSync(this.#directory)) {
      if (!DIRECTORY.test(name)) this.#problems.push(`${name} was left behind`)
    }
  }

  #take(name: string, output: string, line: string): void {
    const [text = '', count, luck] = line.split(' ')
    const number = Number(text)
    const isWhole = output === 'numbers' ? count === undefined : luck !== undefined
    if (!/^\d+$/.test(text) || !isWhole) {
      this.#problems.push(`${name} holds the line '${line}'`)
    } else if (output === 'numbers') {
      this.numbers.set(number, (this.numbers.get(number) ?? 0) + 1)
    } else {
      this.luck.set(number, [...(this.luck.get(number) ?? []), `${count ?? ''} ${luck ?? ''}`])
    }
  }

  #read(name: string): { readonly digest: string; readonly lines: readonly string[] } {
    const path = join(this.#directory, name)
    const files = readdirSync(path).sort()
    if (!files.includes('_SUCCESS')) this.#problems.push(`${name} has no _SUCCESS`)
    const hash = createHash('sha256')
    const lines: string[] = []
    for (const file of files) {
      const bytes = readFileSync(join(path, file))
      hash.update(`${file} ${String(bytes.length)}\n`).update(bytes)
      if (!file.startsWith('part-')) continue
      const text = bytes.toString('utf8')
      if (text !== '' && !text.endsWith('\n')) this.#problems.push(`${name}/${file} is cut short`)
      lines.push(...text.split('\n').slice(0, -1))
    }
    return { digest: hash.digest('hex'), lines }
  }
}

/**
 * The state of each number from 1 to `last`, as its second output writes it; undefined for one
 * that has none.
 */
export async function readStates(
  port: number,
  last: number,
): Promise<ReadonlyMap<number, string | undefined>> {
  const agent = new Agent({ keepAlive: true, maxSockets: QUERIES })
  const states = new Map<number, string | undefined>()
  let next = 1
  const ask = async (): Promise<void> => {
    while (next <= last) {
      const number = next++
      states.set(number, await readState(agent, port, number))
    }
  }
  try {
    await Promise.all(Array.from({ length: QUERIES }, ask))
  } finally {
    agent.destroy()
  }
  return states
}

async function readState(agent: Agent, port: number, number: number): Promise<string | undefined> {
  for (let tries = 1; ; tries++) {
    const { status, text } = await answer(agent, port, `/state/${STATE}/${String(number)}`)
    if (status === 404) return undefined
    if (status === 200) {
      const value: unknown = JSON.parse(text)
      return textOf(value)
    }
    if (tries === TRIES) throw new Error(`state of ${String(number)}: ${String(status)} ${text}`)
  }
}

function textOf(reply: unknown): string {
  if (typeof reply !== 'object' || reply === null || !('value' in reply)) {
    throw new TypeError(`not an answer: ${JSON.stringify(reply)}`)
  }
  const { value } = reply
  return isTally(value) ? `${String(value.count)} ${String(value.luck)}` : JSON.stringify(value)
}

const isTally = (value: unknown): value is Tally =>
  typeof value === 'object' && value !== null && 'count' in value && 'luck' in value

function answer(
  agent: Agent,
  port: number,
  path: string,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const asked = get({ host: '127.0.0.1', port, path, agent }, (reply) => {
      let text = ''
      reply.setEncoding('utf8')
      reply.on('data', (piece: string) => (text += piece))
      reply.on('error', reject)
      reply.on('end', () => {
        resolve({ status: reply.statusCode ?? 0, text })
      })
    })
    asked.on('error', reject)
    asked.setTimeout(ANSWER_MS, () => asked.destroy(new Error(`no answer to ${path}`)))
  })
}

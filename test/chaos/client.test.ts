import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Client } from '../../chaos/kill/client.ts'

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

interface Posted {
  readonly id: string
  readonly sequence: number
  readonly numbers: readonly number[]
}

/** A source in memory that stores what comes in order, and answers as `answer` says. */
async function source(
  answer: (nth: number, reply: ServerResponse, stored: Posted[]) => boolean,
): Promise<{ port: number; stored: Posted[] }> {
  const stored: Posted[] = []
  let nth = 0
  const take = async (request: IncomingMessage, reply: ServerResponse): Promise<void> => {
    let text = ''
    for await (const piece of request) text += String(piece)
    const id = String(request.headers['producer-id'])
    const sequence = Number(request.headers['sequence'])
    nth += 1
    const expected = stored.filter((post) => post.id === id).length
    if (sequence === expected) {
      stored.push({ id, sequence, numbers: text.trim().split('\n').map(Number) })
    }
    if (answer(nth, reply, stored)) return
    if (sequence > expected) reply.writeHead(409).end(JSON.stringify({ expected }))
    else reply.end(JSON.stringify(sequence < expected ? { duplicate: true } : { records: 1 }))
  }
  const server = createServer((request, reply) => void take(request, reply))
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address: AddressInfo | string | null = server.address()
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, stored }
}

async function sendAbout(port: number, numbers: number): Promise<Client> {
  let enough: () => void = () => undefined
  const sent = new Promise<void>((resolve) => (enough = resolve))
  const onNumber = (number: number): void => {
    if (number >= numbers) enough()
  }
  const client = new Client({ port, producers: 2, seed: 5, onNumber })
  client.start()
  await sent
  await client.finish()
  return client
}

describe('the client', () => {
  it('sends again, under the same number, what was stored without a reply', async () => {
    const { port, stored } = await source((nth, reply) => {
      if (nth % 3 !== 0) return false
      reply.destroy()
      return true
    })
    const client = await sendAbout(port, 30)
    const numbers = stored.flatMap((post) => post.numbers).sort((a, b) => a - b)
    expect(numbers).toEqual(Array.from({ length: client.sent }, (_, i) => i + 1))
    expect(client.acknowledged).toBe(client.sent)
    expect(client.duplicates).toBeGreaterThan(0)
    expect(client.violations).toEqual([])
  })
  it('waits where it is told to, and goes on', async () => {
    const { port } = await source((nth, reply) => {
      if (nth > 2) return false
      reply.writeHead(503, { 'retry-after': '0' }).end('{}')
      return true
    })
    const client = await sendAbout(port, 6)
    expect(client.acknowledged).toBe(client.sent)
  })
  it('tells of a server that has forgotten what it acknowledged', async () => {
    const { port } = await source((nth, _reply, stored) => {
      if (nth === 8) stored.length = 0
      return false
    })
    const client = new Client({ port, producers: 1, seed: 5 })
    client.start()
    await expect.poll(() => client.violations.length, { timeout: 10_000 }).toBeGreaterThan(0)
    await client.abandon()
    expect(client.violations[0]).toMatch(/acknowledged up to \d+, but the server asks for 0/)
  })
})

/** A backup beside a live server under load, restored elsewhere; and what is refused. */
import { cp, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { contentOf, withDirectory } from '../engine/directory-fixture.ts'
import { answer, millrace, ready, type Running, start, stop } from './real-command.ts'

/** Counts words under two keys a line: the producer, and all. */
const program = (port: number): string => `
import { defineApp, millis } from 'millrace'
export default defineApp({ name: 'sums', batchInterval: millis(50) }, (ssc) => {
  ssc.httpStream({ uid: 'in', port: ${String(port)} })
    .map((line) => [line, 1])
    .updateStateByKey({ uid: 'total', idle: 'skip' }, (ones, n: number | undefined) =>
      (n ?? 0) + ones.length)
    .saveAsTextFiles('out/total')
})
`

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise<void>((resolve) =>
    server.close(() => {
      resolve()
    }),
  )
  return typeof address === 'object' && address !== null ? address.port : 0
}

const FLAGS = ['--admin-port', '0', '--executors', '2', '--segment-bytes', '1MiB']

class Producer {
  readonly #url: string
  readonly id: string
  next = 0

  constructor(port: number, id: string) {
    this.#url = `http://127.0.0.1:${String(port)}/`
    this.id = id
  }

  async send(sequence = this.next): Promise<number> {
    const { status } = await fetch(this.#url, {
      method: 'POST',
      headers: { 'Producer-Id': this.id, Sequence: String(sequence), 'content-type': 'text/plain' },
      body: `${this.id}\n${'x'.repeat(200)}\n`,
    })
    if (status === 200) this.next = Math.max(this.next, sequence + 1)
    return status
  }
}

async function total(url: string, key: string): Promise<number> {
  const reply = await fetch(`${url}/state/total/${encodeURIComponent(JSON.stringify(key))}`)
  return reply.status === 200 ? Number(Reflect.get(Object(await reply.json()), 'value')) : 0
}

const untilTotal = (url: string, key: string, n: number): Promise<number> =>
  answer(
    () => total(url, key),
    (found) => found >= n,
  )

async function world(root: string): Promise<{ port: number; server: Running; url: string }> {
  const port = await freePort()
  await writeFile(join(root, 'app.ts'), program(port))
  const server = start(root, ['run', 'app.ts', '--data-dir', 'data', ...FLAGS])
  return { port, server, url: await ready(server) }
}

describe('a backup of a live server', () => {
  it('holds one commit under load; what it is restored to goes on from there, once', async () => {
    await withDirectory(async (root) => {
      const { port, server, url } = await world(root)
      try {
        const producer = new Producer(port, 'p')
        while (producer.next < 40) await producer.send()
        await untilTotal(url, 'p', 10)
        const loading = { on: true }
        const load = (async () => {
          while (loading.on) await producer.send()
        })()
        const made = await millrace(root, 'backup', 'data', '--to', 'copy', '--json')
        expect(made).toMatchObject({ code: 0 })
        const said: unknown = JSON.parse(made.out)
        expect(said).toMatchObject({ ok: true, live: true, application: 'sums' })
        const sentBefore = producer.next
        while (producer.next < sentBefore + 40) await new Promise((r) => setTimeout(r, 10))
        loading.on = false
        await load
        await untilTotal(url, 'p', producer.next)
        const again = await millrace(root, 'backup', 'data', '--to', 'copy')
        expect(again).toMatchObject({ code: 64, out: '' })
        expect(again.err).toContain('MR_TARGET_EXISTS')
        expect((await stop(server)).code).toBe(0)
        await goOn(root, port, producer.next, said)
        await refuseMixtures(root)
      } finally {
        server.child.kill('SIGKILL')
      }
    })
  }, 120_000)
})

/** As `verify` tells it. */
const commitOf = (commit: unknown): { commit: unknown; digest: unknown } => {
  const said: unknown = Reflect.get(Object(commit), 'number')
  const digest: unknown = Reflect.get(Object(commit), 'digest')
  return { commit: said, digest }
}

/** Restores beside, compares with what was said, resends everything by number. */
async function goOn(root: string, port: number, sent: number, said: unknown): Promise<void> {
  const other = join(root, 'elsewhere')
  await mkdir(other)
  await writeFile(join(other, 'app.ts'), program(port))
  const restored = await millrace(root, 'restore', 'copy', '--to', 'elsewhere/data', '--json')
  expect(restored).toMatchObject({ code: 0 })
  const commit: unknown = Reflect.get(Object(said), 'commit')
  expect(JSON.parse(restored.out)).toMatchObject({ ok: true, commit })
  const verified = await millrace(other, 'verify', 'data', '--json')
  expect(JSON.parse(verified.out)).toMatchObject({
    ok: true,
    checkpoint: [
      { ...commitOf(commit), problems: [] },
      { ...commitOf(commit), problems: [] },
    ],
  })
  const server = start(other, ['run', 'app.ts', '--data-dir', 'data', ...FLAGS])
  try {
    const url = await ready(server)
    const producer = new Producer(port, 'p')
    for (let i = 0; i < sent; i++) expect(await producer.send(i)).toBe(200)
    await untilTotal(url, 'p', sent)
    await producer.send()
    await untilTotal(url, 'p', sent + 1)
    expect(await total(url, 'p')).toBe(sent + 1)
    expect((await stop(server)).code).toBe(0)
  } finally {
    server.child.kill('SIGKILL')
  }
}

/** Stores of one history beside the log of another, either way. */
async function refuseMixtures(root: string): Promise<void> {
  const [mine, other] = [join(root, 'data'), join(root, 'elsewhere/data')]
  for (const [log, stores] of [
    [mine, other],
    [other, mine],
  ] as const) {
    const mixed = join(root, 'mixed')
    await cp(log, mixed, { recursive: true, filter: (path) => !path.endsWith('LOCK') })
    for (const name of ['checkpoint-a', 'checkpoint-b']) {
      await rm(join(mixed, name), { recursive: true })
      await cp(join(stores, name), join(mixed, name), {
        recursive: true,
        filter: (path) => !path.endsWith('LOCK'),
      })
    }
    const before = await contentOf(join(mixed, 'log'))
    const run = await millrace(root, 'run', 'app.ts', '--data-dir', 'mixed', ...FLAGS)
    expect(run.code).toBe(71)
    expect(run.err).toMatch(/MR_DIRECTORY_FOREIGN|MR_CHECKPOINT_DAMAGED|MR_LOG_DAMAGED/)
    expect(await contentOf(join(mixed, 'log'))).toEqual(before)
    await rm(mixed, { recursive: true })
  }
}

describe('a backup of a stopped directory', () => {
  it('is refused by restore when a file is changed, missing or cut', async () => {
    await withDirectory(async (root) => {
      const { port, server, url } = await world(root)
      const producer = new Producer(port, 'p')
      while (producer.next < 5) await producer.send()
      await untilTotal(url, 'p', 5)
      await stop(server)
      const before = await contentOf(join(root, 'data/log'))
      const made = await millrace(root, 'backup', 'data', '--to', 'copy')
      expect(made).toMatchObject({ code: 0 })
      expect(made.out).toContain('of a stopped directory')
      expect(await contentOf(join(root, 'data/log'))).toEqual(before)
      const inside = await millrace(root, 'backup', 'data', '--to', 'data/copy')
      expect(inside.code).toBe(64)

      const [segment = ''] = await readdir(join(root, 'copy/log'))
      await rename(join(root, 'copy/log', segment), join(root, 'kept'))
      const missing = await millrace(root, 'restore', 'copy', '--to', 'new')
      expect(missing).toMatchObject({ code: 71, out: '' })
      expect(missing.err).toContain(segment)
      await cp(join(root, 'kept'), join(root, 'copy/log', segment))
      const file = await open(join(root, 'copy/log', segment), 'r+')
      await file.write(Buffer.from([0xff]), 0, 1, 4200)
      await file.close()
      const flipped = await millrace(root, 'restore', 'copy', '--to', 'new')
      expect(flipped).toMatchObject({ code: 71 })
      expect(flipped.err).toContain('its digest differs')
      await cp(join(root, 'kept'), join(root, 'copy/log', segment))
      expect((await readdir(root)).filter((name) => name.startsWith('new'))).toEqual([])

      expect((await millrace(root, 'restore', 'copy', '--to', 'new')).code).toBe(0)
      expect((await millrace(root, 'restore', 'copy', '--to', 'new')).code).toBe(64)
      expect((await millrace(root, 'verify', 'new')).code).toBe(0)
      const refused = await millrace(root, 'run', 'app.ts', '--data-dir', 'copy', ...FLAGS)
      expect(refused.err).toContain('MR_DIRECTORY_FOREIGN')
      const manifest = join(root, 'copy/millrace-backup.json')
      await writeFile(manifest, (await readFile(manifest)).subarray(0, 300))
      expect((await millrace(root, 'restore', 'copy', '--to', 'newer')).code).toBe(71)
    })
  }, 60_000)
})

/**
 * Real child processes: messages both ways, output as lines, exits, and never outliving the parent.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChildProcess, Exit } from '../../src/host/host.ts'
import { nodeProcesses } from '../../src/host/node-processes.ts'

const dist = (file: string): string => new URL(`../../dist/src/${file}`, import.meta.url).href
const childModule = dist('host/node-child.js')
const parentModule = dist('host/node-processes.js')

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'processes-test-'))
})
afterAll(async () => {
  await rm(directory, { recursive: true })
})

let files = 0
async function moduleOf(body: string): Promise<string> {
  const path = join(directory, `module-${String(files++)}.mjs`)
  await writeFile(path, body)
  return pathToFileURL(path).href
}

const childOf = (body: string): Promise<string> =>
  moduleOf(`import { childEnd } from '${childModule}'\nconst child = childEnd()\n${body}`)

interface Started {
  readonly child: ChildProcess
  readonly lines: string[]
}

async function start(
  body: string,
  extra: { argument?: unknown; scratch?: string } = {},
): Promise<Started> {
  const lines: string[] = []
  const child = nodeProcesses.spawn({
    name: 'test child',
    module: await childOf(body),
    argument: extra.argument ?? null,
    memoryMegabytes: 64,
    ...(extra.scratch === undefined ? {} : { scratch: extra.scratch }),
    onOutput: (stream, line) => lines.push(`${stream}: ${line}`),
  })
  return { child, lines }
}

const nextMessage = (child: ChildProcess): Promise<Uint8Array> =>
  new Promise((resolve) => {
    child.channel.onMessage(resolve)
  })

const isRunning = (pid: number): boolean => {
  if (!existsSync(`/proc/${String(pid)}/stat`)) return false
  return !/\) Z /.test(readFileSync(`/proc/${String(pid)}/stat`, 'utf8'))
}

async function gone(pid: number): Promise<boolean> {
  for (let n = 0; n < 200 && isRunning(pid); n++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return !isRunning(pid)
}

describe('a child process', () => {
  it('is handed its argument and echoes messages of every size', async () => {
    const { child } = await start(
      `const prefix = Buffer.from(child.argument.prefix)
      child.channel.onMessage((m) => child.channel.send(Buffer.concat([prefix, m])))`,
      { argument: { prefix: '>' } },
    )
    const sizes = [0, 1, 70_000, 3_000_000]
    const got: number[] = []
    const all = new Promise<void>((resolve) => {
      child.channel.onMessage((message) => {
        expect(message[0]).toBe('>'.charCodeAt(0))
        got.push(message.length - 1)
        if (got.length === sizes.length) resolve()
      })
    })
    for (const size of sizes) child.channel.send(new Uint8Array(size).fill(1))
    await all
    child.kill('SIGKILL')
    expect(got).toEqual(sizes)
    expect(await child.exited).toEqual<Exit>({ code: null, signal: 'SIGKILL' })
  })

  it('has all it printed handed over before its exit is told', async () => {
    const { child, lines } = await start(
      `process.stdout.write('one\\ntwo\\n'); console.error('bad'); child.exit(3)`,
    )
    expect(await child.exited).toEqual<Exit>({ code: 3, signal: null })
    expect(lines.sort()).toEqual(['stderr: bad', 'stdout: one', 'stdout: two'])
  })

  it('tells of an error nobody caught, then ends with code 1', async () => {
    const { child, lines } = await start(`
      child.onCrash((error) => child.channel.send(Buffer.from(error.message)))
      setTimeout(() => { throw new Error('boom') }, 10)`)
    const last = await nextMessage(child)
    expect(Buffer.from(last).toString()).toBe('boom')
    expect((await child.exited).code).toBe(1)
    expect(lines.join('\n')).toContain('boom')
  })

  it('sends a message even when it never returns to its event loop', async () => {
    const { child } = await start(`child.channel.send(Buffer.from('last')); for (;;);`)
    expect(Buffer.from(await nextMessage(child)).toString()).toBe('last')
    child.kill('SIGKILL')
    expect((await child.exited).signal).toBe('SIGKILL')
  })

  it('ends when its channel is closed, and leaves the scratch to its parent', async () => {
    const scratch = await nodeProcesses.privateDirectory()
    const { child } = await start(`child.channel.onMessage(() => undefined)`, { scratch })
    child.channel.onMessage(() => undefined)
    child.channel.close()
    expect((await child.exited).code).toBe(1)
    expect(existsSync(scratch)).toBe(true)
    await rm(scratch, { recursive: true })
  })

  it('that cannot load its module ends, and says why', async () => {
    const module = pathToFileURL(join(directory, 'missing.mjs')).href
    const lines: string[] = []
    const child = nodeProcesses.spawn({
      name: 'missing',
      module,
      argument: null,
      onOutput: (_stream, line) => lines.push(line),
    })
    expect((await child.exited).code).toBe(1)
    expect(lines.join('\n')).toContain('missing.mjs')
  })

  it.each([
    ['loops for ever', 'for (;;);'],
    ['waits for messages', 'child.channel.onMessage(() => undefined)'],
    ['ignores signals', `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`],
  ])('that %s does not outlive a parent that was killed', async (_what, body) => {
    const scratch = await nodeProcesses.privateDirectory()
    const module = await childOf(`process.stdout.write('up\\n'); ${body}`)
    const parent = await moduleOf(`
      import { nodeProcesses } from '${parentModule}'
      const child = nodeProcesses.spawn({
        name: 'orphan', module: '${module}', argument: null, scratch: '${scratch}',
        onOutput: () => process.stdout.write(child.pid + '\\n'),
      })
      child.channel.onMessage(() => undefined)`)
    const process = spawn(globalThis.process.execPath, [new URL(parent).pathname], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const pid = await new Promise<number>((resolve) => {
      process.stdout.once('data', (text: Buffer) => {
        resolve(Number(text.toString()))
      })
    })
    expect(isRunning(pid)).toBe(true)
    process.kill('SIGKILL')
    expect(await gone(pid)).toBe(true)
    expect(existsSync(scratch)).toBe(false)
  })
})

describe('a private directory', () => {
  it('is fresh, and nobody else may enter it', async () => {
    const path = await nodeProcesses.privateDirectory()
    const again = await nodeProcesses.privateDirectory()
    expect(again).not.toBe(path)
    expect((await stat(path)).mode & 0o777).toBe(0o700)
    await rm(path, { recursive: true })
    await rm(again, { recursive: true })
  })
})

/** Output that never waits for its reader. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync, closeSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { NodeOutput } from '../../src/host/node-output.ts'
import { withDirectory } from '../engine/directory-fixture.ts'

const MODULE = new URL('../../dist/src/host/node-output.js', import.meta.url).href

/** A process that writes 32 MiB to its stdout and then tells, on stderr, what became of it. */
const WRITER = `
  const { NodeOutput } = await import(${JSON.stringify(MODULE)})
  const out = new NodeOutput(1)
  const piece = 'x'.repeat(1023) + '\\n'
  for (let n = 0; n < 32 * 1024; n++) out.write(piece)
  await out.flush(200)
  console.error('dropped ' + out.droppedBytes)
  process.exit(0)
`

const writer = (): ChildProcess =>
  spawn(process.execPath, ['--input-type=module', '--eval', WRITER], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })

async function told(child: ChildProcess): Promise<number> {
  let text = ''
  child.stderr?.on('data', (bytes: Buffer) => (text += bytes.toString()))
  await once(child, 'exit')
  return Number(/dropped (\d+)/.exec(text)?.[1])
}

describe('output', () => {
  it('arrives whole and in order', async () => {
    await withDirectory(async (directory) => {
      const path = join(directory, 'out')
      const fd = openSync(path, 'w')
      const out = new NodeOutput(fd)
      const lines = Array.from({ length: 5000 }, (_, n) => `line ${String(n)} ü\n`)
      for (const line of lines) out.write(line)
      await out.flush(10_000)
      closeSync(fd)
      expect(readFileSync(path, 'utf8')).toBe(lines.join(''))
      expect(out.droppedBytes).toBe(0)
    })
  })

  it('does not stop the process when its reader does not read, and is bounded', async () => {
    expect(await told(writer())).toBeGreaterThan(16 * 1024 * 1024)
  })

  it('outlives its reader', async () => {
    const child = writer()
    child.stdout?.destroy()
    expect(await told(child)).toBeGreaterThan(16 * 1024 * 1024)
  })
})

/** What pins the log, and what a damage means, in words. */
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { inspect } from '../../src/daemon/inspect.ts'
import { verify } from '../../src/daemon/verify.ts'
import { nodeHost } from '../../src/host/node-host.ts'
import { withDirectory } from '../engine/directory-fixture.ts'
import { open } from './directory-world.ts'
import { FakeOutput, fakeShell } from './fake-shell.ts'

async function make(directory: string): Promise<void> {
  const life = await open(directory)
  await life.add('one\n')
  await life.batch(1000)
  await life.add('two\nthree\n')
  await life.batch(2000, 'committed')
  await life.add('four\n')
  await life.batch(3000, 'allocated')
  await life.add('five\n')
  await life.close()
}

describe('inspect', () => {
  it('says what pins the log: unpublished, uncommitted, waiting', async () => {
    await withDirectory(async (root) => {
      const directory = join(root, 'data')
      await make(directory)
      const shell = fakeShell()
      expect(await inspect(shell, nodeHost, { directory, json: false })).toBe(0)
      expect(shell.out.text).toMatch(/log needs +\d+ bytes are needed, from position \d+ on/)
      expect(shell.out.text).toMatch(
        /pinned by +batch 1970-01-01T00:00:02.000Z \(committed, not known to be published: 1 /,
      )
      expect(shell.out.text).toMatch(
        /pinned by +batch 1970-01-01T00:00:03.000Z \(not committed: 1 /,
      )
      expect(shell.out.text).toMatch(/pinned by +input 'lines' \(no batch has them yet: 1 blocks/)
      const json = fakeShell()
      await inspect(json, nodeHost, { directory, json: true })
      expect(JSON.parse(json.out.text)).toMatchObject({
        pinnedBy: [
          { kind: 'publication', time: 2000, records: 2 },
          { kind: 'batch', time: 3000, blocks: 1 },
          { kind: 'waiting', streamId: 0 },
        ],
      })
    })
  })
})

describe('verify', () => {
  it('says what is safe and what would be lost, on a terminal with a bar', async () => {
    await withDirectory(async (root) => {
      const directory = join(root, 'data')
      await make(directory)
      const whole = { ...fakeShell(), out: new FakeOutput(), err: new FakeOutput(true) }
      expect(await verify(whole, nodeHost, { directory, json: false })).toBe(0)
      expect(whole.out.text).toContain('batches up to 1970-01-01T00:00:02.000Z are safe (commit 2)')
      expect(whole.err.text).toMatch(/\r.*\[#+\.*\] +\d+ % +reading the log/)

      const names = (await readdir(join(directory, 'log'))).filter((name) => name.endsWith('.wal'))
      const path = join(directory, 'log', names.at(-1) ?? '')
      const bytes = await readFile(path)
      const at = bytes.indexOf('five')
      bytes[at] = 0x58
      await writeFile(path, bytes)
      const broken = fakeShell()
      expect(await verify(broken, nodeHost, { directory, json: true })).toBe(71)
      const { meaning } = JSON.parse(broken.out.text) as { meaning: string[] }
      expect(meaning.join('\n')).toContain("hold 1 record of input 'lines'")
      expect(meaning.join('\n')).toContain('a start would refuse this')
      expect(broken.err.text).toBe('millrace: reading the checkpoint\nmillrace: reading the log\n')
    })
  })
})

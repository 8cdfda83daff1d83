/** The worked example of wal/README.md, held against the bytes of a real log. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { segmentName } from '../../wal/segment-format.ts'
import { DIRECTORY, entryOf, open } from './support.ts'

const page = readFileSync(new URL('../../wal/README.md', import.meta.url), 'utf8')

/** The bytes of the example, and the offsets it names with what it says stands there. */
function example(): { bytes: string; offsets: [offset: number, at: number][] } {
  const section = page.split('## A worked example')[1]?.split('\n## ')[0] ?? ''
  const offsets: [number, number][] = []
  let bytes = ''
  for (const line of section.split('\n')) {
    const found = /^ {4}(\d{4}| {4}) {2}((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2,}|$)/.exec(line)
    if (found?.[2] === undefined) continue
    if (found[1]?.trim() !== '') offsets.push([Number(found[1]), bytes.length / 2])
    bytes += found[2].replaceAll(' ', '')
  }
  return { bytes, offsets }
}

it('shows the bytes of a real log', async () => {
  const fs = new MemoryFileSystem()
  const { log } = await open(fs)
  await log.append(entryOf('hello'))
  await log.close()
  const real = Buffer.from(await fs.readFile(`${DIRECTORY}/${segmentName(1)}`))
  const { bytes, offsets } = example()
  expect(bytes).toBe(real.subarray(4096, 4252).toString('hex'))
  expect(offsets.length).toBeGreaterThan(4)
  for (const [offset, at] of offsets) expect(offset).toBe(4096 + at)
})

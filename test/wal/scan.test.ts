/** Verification: reads a directory without opening the log, and lists all damage. */
import { describe, expect, it } from 'vitest'

import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { scanLog, type ScanEvent } from '../../wal/scan.ts'
import { segmentName } from '../../wal/segment-format.ts'
import { change, copyOf, DIRECTORY, entryOf, fingerprintOf, flip, open } from './support.ts'

async function scan(fs: MemoryFileSystem): Promise<readonly ScanEvent[]> {
  const events: ScanEvent[] = []
  for await (const event of scanLog(fs, DIRECTORY)) events.push(event)
  return events
}

async function fourSegments(): Promise<MemoryFileSystem> {
  const fs = new MemoryFileSystem()
  const { log } = await open(fs)
  for (let i = 0; i < 80; i++) await log.append(entryOf('x'.repeat(500)))
  return copyOf(fs)
}

const count = (events: readonly ScanEvent[], kind: ScanEvent['kind']): number =>
  events.filter((event) => event.kind === kind).length

describe('a scan', () => {
  it('yields segments, groups and records of a log that is well, and writes nothing', async () => {
    const fs = await fourSegments()
    const before = await fingerprintOf(fs)
    const events = await scan(fs)
    expect(count(events, 'segment')).toBe(4)
    expect(count(events, 'group')).toBe(84)
    expect(count(events, 'damage') + count(events, 'torn')).toBe(0)
    expect(events.at(-1)).toMatchObject({ kind: 'end' })
    expect(await fingerprintOf(fs)).toBe(before)
  })

  it('goes on behind damage and lists all of it, by file and offset', async () => {
    const fs = await fourSegments()
    for (const number of [1, 3]) {
      await change(fs, segmentName(number), (bytes) => flip(bytes, 6000 * 8))
    }
    const events = await scan(fs)
    const damages = events.flatMap((event) => (event.kind === 'damage' ? [event.error] : []))
    expect(damages.map((error) => error.details['file'])).toEqual([
      `${DIRECTORY}/${segmentName(1)}`,
      `${DIRECTORY}/${segmentName(3)}`,
    ])
    for (const error of damages) expect(error.message).toContain('at byte 5')
    expect(count(events, 'group')).toBeGreaterThan(42)
  })

  it('tells a torn tail from damage', async () => {
    const fs = new MemoryFileSystem()
    const { log } = await open(fs)
    await log.append(entryOf('proven'))
    const last = await log.append(entryOf('unproven'))
    await change(fs, segmentName(1), (bytes) => flip(bytes, (last.offset + 9) * 8))
    const torn = (await scan(fs)).find((event) => event.kind === 'torn')
    expect(torn).toMatchObject({ bytes: 44 + 9 + 8, place: { offset: last.offset - 44 } })
    await log.close()
  })

  it('of a directory without a log has no segments and no damage', async () => {
    expect(await scan(new MemoryFileSystem())).toEqual([{ kind: 'end', end: undefined }])
  })

  it('reports a file that cannot be read as damage', async () => {
    const fs = await fourSegments()
    const failing = new Proxy(fs, {
      get: (target, name, receiver): unknown => {
        if (name === 'openRead') {
          return (path: string) =>
            path.endsWith('2.wal')
              ? Promise.reject(new Error('EIO: i/o error'))
              : target.openRead(path)
        }
        const value: unknown = Reflect.get(target, name, receiver)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
    const damage = (await scan(failing)).find((event) => event.kind === 'damage')
    expect(damage?.kind === 'damage' && damage.error.message).toContain('EIO')
  })
})

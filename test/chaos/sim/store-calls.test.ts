/** LevelDB's twin does what the real one was seen to do (`npm run chaos:calls` looks again). */
import { describe, expect, it } from 'vitest'
import { differences, readStrace } from '../../../chaos/sim/store-calls.ts'
import { twinCalls } from '../../../chaos/sim/twin-calls.ts'

const SWAP = ['create dbtmp', 'write dbtmp', 'sync dbtmp', 'rename CURRENT']
const MANIFEST = ['create MANIFEST', 'write MANIFEST', 'sync-directory', 'sync MANIFEST', ...SWAP]
const TABLE = ['create ldb', 'write ldb', 'sync ldb']
const SEEN: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'create',
    [
      ...['create MANIFEST', 'write MANIFEST', ...SWAP],
      ...['create log', ...MANIFEST, 'unlink MANIFEST', 'sync-directory'],
    ],
  ],
  ['put synced', ['write log', 'sync log']],
  ['put', ['write log']],
  ['close', []],
  [
    'open',
    [...TABLE, 'create log', ...MANIFEST, 'unlink MANIFEST', 'unlink log', 'sync-directory'],
  ],
  ['put synced again', ['write log', 'sync log']],
  ['close again', []],
  [
    'open and keep',
    [
      ...['link CURRENT', 'link MANIFEST', 'link ldb', 'link log', 'sync-directory'],
      ...[...TABLE, 'create log', ...MANIFEST, 'unlink MANIFEST', 'unlink log', 'sync-directory'],
    ],
  ],
  ['fill', ['write log', 'sync log']],
  [
    'next log',
    [
      ...['create log', 'write log', 'create ldb', 'sync log', 'sync-directory', 'write log'],
      ...['sync log', 'write ldb', 'sync ldb', 'write MANIFEST', 'sync-directory'],
      ...['sync MANIFEST', 'unlink log', 'sync-directory'],
    ],
  ],
])

describe("the calls of LevelDB's twin", () => {
  it('are those of the real one, in the same order', async () => {
    expect(differences(SEEN, await twinCalls())).toEqual([])
  })

  it('are told apart from others', async () => {
    const other = new Map([...SEEN, ['put synced', ['write log']]])
    expect(differences(other, await twinCalls())).toHaveLength(1)
  })
})

describe('a record of system calls', () => {
  it('is read across threads and interruptions', () => {
    const text = [
      '7 statx(AT_FDCWD, "/mark/put-synced", 0) = -1 ENOENT (No such file or directory)',
      '8 write(3</d/store/000003.log>, "x"..., 9) = 9',
      '8 fdatasync(3</d/store/000003.log> <unfinished ...>',
      '7 fsync(4</d/store>) = 0',
      '8 <... fdatasync resumed>) = 0',
      '8 unlink("/d/store/000001.log") = -1 ENOENT (No such file or directory)',
    ].join('\n')
    expect([...readStrace(text, '/d/store')]).toEqual([
      ['put synced', ['write log', 'sync-directory', 'sync log']],
    ])
  })
})

/** The log's thread: its code with faults put in, and the real one on a real disk. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { nodeClock } from '../../src/host/node-clock.ts'
import { NodeAppender } from '../../src/host/node-appender.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'
import { appenderCalls, appenderThread } from '../../src/host/node-appender-thread.ts'
import type { AppenderReply, AppenderRequest } from '../../src/host/node-appender-thread.ts'
import type { ThreadFiles } from '../../src/host/node-appender-thread.ts'
import { openLog } from '../../wal/log.ts'
import { RECORD_KIND } from '../../wal/record.ts'

interface Harness {
  readonly call: (request: AppenderRequest) => AppenderReply
  readonly done: string[]
}

function harness(faults: Partial<ThreadFiles>): Harness {
  const done: string[] = []
  let handler: (request: AppenderRequest) => void = () => undefined
  let last: AppenderReply = { id: 0, value: 0 }
  const port = {
    on: (_: 'message', f: (request: AppenderRequest) => void): void => {
      handler = f
    },
    postMessage: (reply: AppenderReply): void => {
      last = reply
    },
    close: (): void => {
      done.push('end')
    },
  }
  const files: ThreadFiles = {
    openSync: () => 7,
    writeSync: (_file, _bytes, _offset, length) => {
      done.push('write')
      return length
    },
    fdatasyncSync: () => done.push('sync'),
    closeSync: () => done.push('close'),
    ...faults,
  }
  appenderThread(port, appenderCalls(files))
  return {
    done,
    call: (request) => {
      handler(request)
      return last
    },
  }
}

const append = (id: number): AppenderRequest & { op: 'append' } => ({
  id,
  op: 'append',
  file: 7,
  position: 0,
  bytes: new Uint8Array(10),
  sync: true,
})

describe('the thread', () => {
  it('writes, then syncs, then replies', () => {
    const { call, done } = harness({})
    expect(call({ id: 1, op: 'open', path: '/x' })).toEqual({ id: 1, value: 7 })
    const request = append(2)
    expect(call(request)).toEqual({ id: 2, value: 0, bytes: request.bytes })
    expect(call({ id: 3, op: 'close' })).toEqual({ id: 3, value: 0 })
    expect(done).toEqual(['write', 'sync', 'close', 'end'])
  })

  it('takes a short write for an error, does not sync, and lets it be tried again', () => {
    const lengths = [4, 10]
    const { call, done } = harness({ writeSync: () => lengths.shift() ?? 0 })
    expect(call(append(1)).error).toMatchObject({ code: 'MR_SHORT_WRITE' })
    expect(done).toEqual([])
    expect(call(append(2)).error).toBeUndefined()
    expect(done).toEqual(['sync'])
  })

  it('writes nothing more after a write that failed for another reason', () => {
    let calls = 0
    const { call, done } = harness({
      writeSync: () => {
        calls += 1
        throw Object.assign(new Error('EIO'), { code: 'EIO' })
      },
    })
    expect(call(append(1)).error).toMatchObject({ code: 'EIO' })
    expect(call(append(2)).error).toMatchObject({ code: 'MR_LOG_FAILED' })
    expect(call({ id: 3, op: 'sync', file: 7 }).error).toMatchObject({ code: 'MR_LOG_FAILED' })
    expect({ calls, done }).toEqual({ calls: 1, done: [] })
  })

  it('never goes on after a sync that found no room', () => {
    const { call } = harness({
      fdatasyncSync: () => {
        throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
      },
    })
    expect(call(append(1)).error).toMatchObject({ code: 'ENOSPC' })
    expect(call(append(2)).error).toMatchObject({ code: 'MR_LOG_FAILED' })
  })

  it('never syncs again after a sync failed', () => {
    let syncs = 0
    const { call } = harness({
      fdatasyncSync: () => {
        syncs += 1
        throw Object.assign(new Error('EIO'), { code: 'EIO' })
      },
    })
    expect(call(append(1)).error).toMatchObject({ code: 'EIO' })
    expect(call({ id: 2, op: 'sync', file: 7 }).error).toMatchObject({ code: 'MR_LOG_FAILED' })
    expect(call(append(3)).error).toMatchObject({ code: 'MR_LOG_FAILED' })
    expect(syncs).toBe(1)
  })

  it('goes on after an open that failed', () => {
    const { call } = harness({
      openSync: () => {
        throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' })
      },
    })
    expect(call({ id: 1, op: 'open', path: '/x' }).error).toMatchObject({ code: 'ENOENT' })
    expect(call(append(2)).error).toBeUndefined()
  })
})

describe('on a real disk', () => {
  it('a failed call reaches its caller with its code, and ends the appender', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'millrace-appender-'))
    try {
      const appender = new NodeAppender()
      writeFileSync(join(directory, 'a'), '')
      const file = await appender.open(join(directory, 'a'))
      await appender.closeFile(file)
      await expect(appender.sync(file)).rejects.toMatchObject({ code: 'EBADF' })
      await expect(appender.sync(file)).rejects.toMatchObject({ code: 'MR_LOG_FAILED' })
      await appender.close()
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('carries a log over two lives', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'millrace-log-'))
    try {
      for (const life of [1, 2]) {
        const seen: string[] = []
        const { log } = await openLog(
          { fs: nodeFileSystem, clock: nodeClock },
          {
            directory: join(directory, 'log'),
            identity: new Uint8Array(16),
            segmentBytes: 1024 * 1024,
            apply: ({ payload }) => seen.push(Buffer.from(payload).toString('latin1')),
            snapshot: () => [],
          },
        )
        const parts = [Buffer.from(`life ${String(life)}`)]
        await log.append({ kind: RECORD_KIND.blockAddition, parts })
        await log.close()
        expect(seen).toEqual(life === 1 ? ['life 1'] : ['life 1', 'life 2'])
      }
      expect(readFileSync(join(directory, 'log', `${'1'.padStart(20, '0')}.wal`)).length).toBe(
        2 ** 20,
      )
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

/** Configuration: rank of the sources, units, and refusals that say what would be right. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/daemon/config.ts'
import type { Config, ConfigSources } from '../../src/daemon/config.ts'
import { SETTING_LIST } from '../../src/daemon/settings.ts'
import { SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, SEGMENT_HEADER_BYTES } from '../../wal/limits.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'
import { withDirectory } from '../engine/directory-fixture.ts'

const load = (workingDirectory: string, sources: Partial<ConfigSources> = {}): Promise<Config> =>
  loadConfig(nodeFileSystem, {
    workingDirectory,
    processors: 2,
    environment: {},
    flags: {},
    params: [],
    file: undefined,
    ...sources,
  })

async function withFile<T>(content: unknown, work: (directory: string) => Promise<T>): Promise<T> {
  return await withDirectory(async (directory) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    await writeFile(join(directory, 'millrace.config.json'), text)
    return await work(directory)
  })
}

const refusal = async (attempt: Promise<unknown>): Promise<string> => {
  const error: unknown = await attempt.catch((e: unknown) => e)
  expect(error).toMatchObject({ code: 'MR_CONFIG_INVALID' })
  return error instanceof Error ? error.message : ''
}

describe('settings', () => {
  it('have defaults, the number of executors that of the processors from 1 to 8', async () => {
    await withDirectory(async (directory) => {
      const { settings, params, file } = await load(directory)
      expect(settings).toMatchObject({
        dataDir: join(directory, 'millrace-data'),
        executors: 2,
        durability: 'sync',
        admin: { host: '127.0.0.1', port: 4040 },
        logQuotaBytes: 4 * 1024 ** 3,
        batchBytesMax: 64 * 1024 ** 2,
        partitions: 16,
        maxAttempts: 4,
        stopTimeoutMs: 30_000,
        supervise: { maxRestarts: 5 },
      })
      expect(params).toEqual({})
      expect(file).toBeUndefined()
      expect((await load(directory, { processors: 0 })).settings.executors).toBe(1)
      expect((await load(directory, { processors: 64 })).settings.executors).toBe(8)
    })
  })

  it('rank flag over environment over file over default, each by itself', async () => {
    const source = fc.record({ file: fc.boolean(), env: fc.boolean(), flag: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(source, source, async (port, executors) => {
        const file: Record<string, unknown> = {}
        const environment: Record<string, string> = {}
        const flags: Record<string, string> = {}
        if (port.file) file['admin'] = { port: 1001 }
        if (port.env) environment['MILLRACE_ADMIN_PORT'] = '1002'
        if (port.flag) flags['admin.port'] = '1003'
        if (executors.file) file['executors'] = 3
        if (executors.env) environment['MILLRACE_EXECUTORS'] = '4'
        if (executors.flag) flags['executors'] = '5'
        const { settings } = await withFile(file, (directory) =>
          load(directory, { environment, flags }),
        )
        const rank = (of: typeof port, values: readonly number[]): number | undefined =>
          values[of.flag ? 3 : of.env ? 2 : of.file ? 1 : 0]
        expect(settings.admin.port).toBe(rank(port, [4040, 1001, 1002, 1003]))
        expect(settings.executors).toBe(rank(executors, [2, 3, 4, 5]))
      }),
      { numRuns: 60 },
    )
  })

  it('of the program come from file, environment and flag, in the same order', async () => {
    await withFile({ params: { host: 'file', port: 1, loud: true } }, async (directory) => {
      const environment = { MILLRACE_PARAM_HOST: 'env', MILLRACE_PARAM_BATCH_SIZE: '7' }
      const { params } = await load(directory, { environment, params: ['host=flag=x', 'empty='] })
      expect(params).toEqual({
        host: 'flag=x',
        port: '1',
        loud: 'true',
        batchSize: '7',
        empty: '',
      })
    })
  })

  it('are written with units', async () => {
    await withFile({ segmentBytes: '16 MiB', stopTimeoutMs: '1.5 min' }, async (directory) => {
      const { settings } = await load(directory, {
        environment: { MILLRACE_LOG_QUOTA_BYTES: '2GB' },
        flags: { retryBackoffMs: '3s' },
      })
      expect(settings).toMatchObject({
        segmentBytes: 16 * 1024 ** 2,
        stopTimeoutMs: 90_000,
        logQuotaBytes: 2e9,
        retryBackoffMs: 3000,
      })
    })
  })

  it('keep a relative directory relative to whoever says it', async () => {
    await withDirectory(async (directory) => {
      const file = join(directory, 'other.json')
      await writeFile(file, '{"dataDir": "data"}')
      const named = await load('/somewhere', { file })
      expect(named.settings.dataDir).toBe(join(directory, 'data'))
      expect(named.file).toBe(file)
      const flagged = await load('/somewhere', { file, flags: { dataDir: 'mine' } })
      expect(flagged.settings.dataDir).toBe('/somewhere/mine')
      await writeFile(file, '{}')
      const byDefault = await load('/somewhere', { environment: { MILLRACE_CONFIG: file } })
      expect(byDefault.settings.dataDir).toBe('/somewhere/millrace-data')
    })
  })

  it('have flags and variables of their own', () => {
    for (const names of ['key', 'flag', 'variable'] as const) {
      expect(new Set(SETTING_LIST.map((setting) => setting[names])).size).toBe(SETTING_LIST.length)
    }
    const port = SETTING_LIST.find(({ key }) => key === 'admin.port')
    expect(port).toMatchObject({ flag: '--admin-port', variable: 'MILLRACE_ADMIN_PORT' })
  })
})

describe('a wrong configuration is refused', () => {
  it('with the nearest right name, wherever the wrong one stands', async () => {
    await withFile({ durabilty: 'sync' }, async (directory) => {
      const message = await refusal(load(directory))
      expect(message).toContain("'durabilty'")
      expect(message).toContain('did you mean durability?')
    })
    await withFile({ admin: { prot: 1 } }, async (directory) => {
      expect(await refusal(load(directory))).toContain('did you mean admin.port?')
    })
    const environment = { MILLRACE_EXECUTERS: '1' }
    expect(await refusal(load('/', { environment }))).toBe(
      'the environment variable MILLRACE_EXECUTERS is not a setting; ' +
        'did you mean MILLRACE_EXECUTORS?',
    )
  })

  it('where the log itself would refuse it', () => {
    const segment = SETTING_LIST.find(({ key }) => key === 'segmentBytes')
    expect(segment?.schema).toMatchObject({
      maximum: SEGMENT_BYTES_MAX,
      multipleOf: SEGMENT_HEADER_BYTES,
    })
    expect(Number(segment?.schema['minimum'])).toBeGreaterThanOrEqual(SEGMENT_BYTES_MIN)
  })

  it('for any name that is not in the table', async () => {
    const keys = new Set(['params', ...SETTING_LIST.map(({ path }) => path[0])])
    const wrong = fc.string({ minLength: 1 }).filter((name) => !keys.has(name))
    await fc.assert(
      fc.asyncProperty(wrong, async (name) => {
        await withFile(`{${JSON.stringify(name)}: 1}`, async (directory) => {
          expect(await refusal(load(directory))).toContain('is not a setting')
        })
      }),
      { numRuns: 30 },
    )
  })

  it.each([
    [{ executors: 'many' }, 'a whole number from 1 to 64'],
    [{ executors: 0 }, 'a whole number from 1 to 64'],
    [{ executors: 1.5 }, 'a whole number'],
    [{ executors: true }, 'a whole number'],
    [{ durability: 'snyc' }, 'did you mean sync?'],
    [{ stopTimeoutMs: 'soon' }, '500ms, 30s or 5min'],
    [{ segmentBytes: '64 parsecs' }, '64KiB'],
    [{ segmentBytes: 1_500_000 }, '64KiB, 512MiB or 4GiB from 1048576 to 1073741824, a multiple'],
    [{ dataDir: '' }, 'dataDir'],
    [{ admin: 7 }, "'admin' is not a setting"],
    [{ params: { list: [] } }, 'params.list'],
    [{ params: 1 }, 'params must be an object'],
    [[], 'must hold an object'],
    ['{', 'cannot be read'],
    [{ segmentBytes: '1GiB', logQuotaBytes: '1GiB' }, 'twice segmentBytes'],
    [{ supervise: { backoffMinMs: 10, backoffMaxMs: 5 } }, 'backoffMinMs'],
  ])('%j', async (content, expected) => {
    await withFile(content, async (directory) => {
      expect(await refusal(load(directory))).toContain(expected)
    })
  })

  it('by flag and variable too', async () => {
    expect(await refusal(load('/', { flags: { executors: 'x' } }))).toContain('--executors')
    const environment = { MILLRACE_EXECUTORS: '-1' }
    expect(await refusal(load('/', { environment }))).toContain('MILLRACE_EXECUTORS')
    expect(await refusal(load('/', { params: ['host'] }))).toContain('name=value')
    expect(await refusal(load('/', { file: 'none.json' }))).toContain('no configuration file')
  })

  it('but not for what others put into the environment', async () => {
    const environment = {
      MILLRACE_SERVICE_HOST: '10.0.0.1',
      MILLRACE_PORT_4040_TCP_ADDR: '10.0.0.1',
      MILLRACE_PORT: 'tcp://10.0.0.1:4040',
      HOME: '/root',
    }
    expect((await load('/', { environment })).settings.admin.port).toBe(4040)
  })
})

/** Programs that cannot be built, and how that is told. */
import { describe, expect, it } from 'vitest'
import { seconds } from '../../src/base/time.ts'
import { defineApp } from '../../src/dstream/app.ts'
import { pickApp } from '../../src/executor/load-app.ts'
import { isAlive, teamOf, temporaryFolder, TestCheckpoint } from './support.ts'

const APP = (name: string): string => `
  defineApp({ name: '${name}', batchInterval: seconds(1) }, (ssc) => {
    ssc.sequenceStream({ uid: 'in', batches: [[1]] }).print()
  })`
const IMPORT = `import { defineApp, seconds } from 'millrace'\n`

interface Refusal {
  readonly what: string
  readonly source: string
  readonly code: string
  readonly message: string | RegExp
  readonly exportName?: string
}

const REFUSALS: readonly Refusal[] = [
  {
    what: 'without an app',
    source: `export const answer = 42`,
    code: 'MR_PROGRAM_INVALID',
    message: 'write `export default defineApp(…)`',
  },
  {
    what: 'with several apps and no default',
    source: `${IMPORT}export const two = ${APP('two')}\nexport const one = ${APP('one')}`,
    code: 'MR_PROGRAM_INVALID',
    message: 'choose one of one, two',
  },
  {
    what: 'without the app that was asked for',
    source: `${IMPORT}export const two = ${APP('two')}`,
    code: 'MR_PROGRAM_INVALID',
    message: `no app 'three': it exports two`,
    exportName: 'three',
  },
  {
    what: 'whose top level throws',
    source: `${IMPORT}\nthrow new Error('not today')`,
    code: 'MR_PROGRAM_BUILD_FAILED',
    message: /at app\.ts:3:7: not today/,
  },
  {
    what: 'whose body throws',
    source: `${IMPORT}export default defineApp({ name: 'x', batchInterval: seconds(1) }, () => {
      throw new Error('no streams today')
    })`,
    code: 'MR_PROGRAM_BUILD_FAILED',
    message: /at app\.ts:3:13: no streams today/,
  },
  {
    what: 'without an output',
    source: `${IMPORT}export default defineApp({ name: 'x', batchInterval: seconds(1) }, (ssc) => {
      ssc.sequenceStream({ uid: 'in', batches: [[1]] })
    })`,
    code: 'MR_GRAPH_INVALID',
    message: 'no output operations',
  },
  {
    what: 'that ends its process',
    source: `process.exit(7)`,
    code: 'MR_EXECUTOR_DIED',
    message: 'ended with code 7',
  },
]

describe('a program', () => {
  it.each(REFUSALS)('$what is refused', async ({ code, exportName, message, source }) => {
    const { team } = await teamOf(source, exportName === undefined ? {} : { exportName })
    const error = await team.build().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ code })
    expect(error instanceof Error ? error.message : '').toMatch(message)
    expect(team.statuses().map((one) => one.state)).toEqual(['dead'])
  })

  it('that never comes to the end of its body is given up', async () => {
    const { team } = await teamOf(`for (;;);`, { times: { startTimeoutMs: 1000 } })
    await expect(team.build()).rejects.toMatchObject({
      code: 'MR_EXECUTOR_HUNG',
      message: 'executor 0 hangs building the program',
    })
  })

  it('with one app under any name needs no name', async () => {
    const { team } = await teamOf(`${IMPORT}export const two = ${APP('two')}`)
    expect((await team.build()).application).toBe('two')
  })

  it('of CommonJS may export it in any of the two ways', () => {
    const app = defineApp({ name: 'x', batchInterval: seconds(1) }, () => undefined)
    expect(pickApp({ default: app }, undefined)).toBe(app)
    expect(pickApp({ default: { one: app, other: 1 } }, undefined)).toBe(app)
    expect(pickApp({ default: { default: app, __esModule: true } }, undefined)).toBe(app)
    expect(pickApp({ default: { one: app } }, 'one')).toBe(app)
    expect(() => pickApp({ default: { one: app } }, 'two')).toThrow('it exports one')
  })

  it('with several apps gives the one that is asked for', async () => {
    const source = `${IMPORT}export const two = ${APP('two')}\nexport default ${APP('one')}`
    expect((await (await teamOf(source, { exportName: 'two' })).team.build()).application).toBe(
      'two',
    )
    expect((await (await teamOf(source)).team.build()).application).toBe('one')
  })

  it('is handed its parameters as text and reads them by their defaults', async () => {
    const source = `${IMPORT}export default defineApp(
      { name: 'p', batchInterval: seconds(1), params: { port: 1 } }, (ssc, { port }) => {
        ssc.socketTextStream('here', port + 1).print()
      })`
    const { team } = await teamOf(source, { params: { port: '4000' } })
    expect((await team.build()).inputs[0]?.parameters).toEqual({ host: 'here', port: 4001 })
    const { team: wrong } = await teamOf(source, { params: { prot: '4000' } })
    await expect(wrong.build()).rejects.toMatchObject({ code: 'MR_CONFIG_INVALID' })
  })

  it('that builds another graph in another process is refused with the difference', async () => {
    const flag = `${await temporaryFolder()}/flag`
    const { team } = await teamOf(
      `${IMPORT}import { mkdirSync } from 'node:fs'
      const options = { name: 'd', batchInterval: seconds(1), params: { flag: '' } }
      export default defineApp(options, (ssc, { flag }) => {
        const stream = ssc.sequenceStream({ uid: 'in', batches: [[1]] })
        let odd = true
        try { mkdirSync(flag) } catch { odd = false }
        ;(odd ? stream.map((n) => n) : stream.filter((n) => n > 0)).print()
      })`,
      { size: 2, params: { flag } },
    )
    const error = await team.build().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ code: 'MR_GRAPH_DIFFERS' })
    expect(String(error)).toMatch(
      /: (map|filter) at app\.ts:8:\d+ here, (map|filter) at app\.ts:8:/,
    )
  })

  it('leaves no process behind when it is stopped', async () => {
    const { team } = await teamOf(`${IMPORT}export default ${APP('one')}`, { size: 2 })
    await team.build()
    await team.load(new TestCheckpoint().source)
    const pids = team.statuses().map((one) => one.pid ?? 0)
    expect(pids.every(isAlive)).toBe(true)
    await team.stop()
    expect(pids.some(isAlive)).toBe(false)
  })
})

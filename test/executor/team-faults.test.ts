/**
 * What user code can do to its process, and what the team makes of it: named, replaced, repeated,
 * right.
 */
import { describe, expect, it } from 'vitest'
import { until } from '../receiver/until.ts'
import { isAlive, rowsOf, TestCheckpoint, teamOf, temporaryFolder } from './support.ts'

const HEAD = `
  import { defineApp, seconds, millis } from 'millrace'
  import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs'`

/** A program around `body`, which builds on `ssc`; `flag` is a path nobody has made yet. */
const program = (name: string, body: string): string => `${HEAD}
  const options = { name: '${name}', batchInterval: seconds(1), params: { flag: '' } }
  export default defineApp(options, (ssc, { flag }) => { ${body} })`

/** Word totals over three batches; `trap` is the body of a function every word goes through. */
const totals = (trap: string): string => `${HEAD}
  const batches = [['a', 'b', 'a'], ['b', 'c'], ['a', 'c', 'c', 'd']]
  export default defineApp(
    { name: 'totals', batchInterval: seconds(1), params: { flag: '' } },
    (ssc, { flag }) => {
      /** True once, in whichever process comes first. */
      const once = () => { try { mkdirSync(flag); return true } catch { return false } }
      ssc.sequenceStream({ uid: 'words', partitions: 3, batches })
        .map((word) => { ${trap}; return [word, 1] })
        .updateStateByKey({ uid: 'total' }, (ones, before) => (before ?? 0) + ones.length)
        .toRows('totals')
    })`

const QUICK = { pingMs: 100, hangTimeoutMs: 3000, abortGraceMs: 2000 }

async function started(
  source: string,
  options: Parameters<typeof teamOf>[1] = {},
): Promise<Awaited<ReturnType<typeof teamOf>> & { readonly checkpoint: TestCheckpoint }> {
  const flag = `${await temporaryFolder()}/flag`
  const made = await teamOf(source, { size: 2, params: { flag }, ...options })
  await made.team.build()
  const checkpoint = new TestCheckpoint()
  await made.team.load(checkpoint.source)
  return { ...made, checkpoint }
}

const AFTER_TWO = ['["a",2]', '["b",2]', '["c",1]']
const AFTER_THREE = ['["a",3]', '["b",2]', '["c",3]', '["d",1]']

describe('an executor that is killed', () => {
  it('in the middle of an attempt is replaced, its state loaded, the batch run again', async () => {
    const { checkpoint, replaced, team } = await started(
      totals(`if (word === 'd' && once()) process.kill(process.pid, 'SIGKILL')`),
    )
    await checkpoint.batch(team, 0)
    expect(await checkpoint.batch(team, 1)).toEqual(AFTER_TWO)
    const before = checkpoint.reads
    const failed = await checkpoint.attempt(team, 2)
    expect(failed).toMatchObject({ kind: 'failed', code: 'MR_EXECUTOR_DIED' })
    expect(failed.kind === 'failed' && failed.message).toMatch(
      /was killed by SIGKILL while running/,
    )
    expect(failed.kind === 'failed' && failed.place).toMatch(/^app\.ts:\d+:\d+/)
    expect(rowsOf(await checkpoint.attempt(team, 2))).toEqual(AFTER_THREE)
    expect(checkpoint.reads).toBeGreaterThan(before)
    expect(replaced).toHaveLength(1)
    expect(
      team
        .statuses()
        .map((one) => one.restarts)
        .sort(),
    ).toEqual([0, 1])
  })

  it('between two batches is replaced at once, and blames no operator', async () => {
    const { checkpoint, replaced, team } = await started(totals(''))
    await checkpoint.batch(team, 0)
    await checkpoint.batch(team, 1)
    const pids = team.statuses().map((one) => one.pid ?? 0)
    for (const pid of pids) process.kill(pid, 'SIGKILL')
    await until('both are new', () =>
      team.statuses().every(({ pid, state }) => state === 'ready' && !pids.includes(pid ?? 0)),
    )
    expect(await team.query('total', 'a')).toEqual({ kind: 'found', value: 2 })
    expect(replaced.sort()).toEqual([
      '0 MR_EXECUTOR_DIED: executor 0 was killed by SIGKILL',
      '1 MR_EXECUTOR_DIED: executor 1 was killed by SIGKILL',
    ])
    expect(team.statuses().map((one) => one.restarts)).toEqual([1, 1])
    expect(rowsOf(await checkpoint.attempt(team, 2))).toEqual(AFTER_THREE)
  })

  it('while the driver starts is replaced', async () => {
    const { replaced, team } = await teamOf(totals(''), { size: 2 })
    const building = team.build()
    await until('it has a process', () => (team.statuses()[1]?.pid ?? 0) > 0)
    process.kill(team.statuses()[1]?.pid ?? 0, 'SIGKILL')
    await building
    process.kill(team.statuses()[0]?.pid ?? 0, 'SIGKILL')
    const checkpoint = new TestCheckpoint()
    await team.load(checkpoint.source)
    await checkpoint.batch(team, 0)
    expect(await checkpoint.batch(team, 1)).toEqual(AFTER_TWO)
    expect(replaced).toHaveLength(2)
  })

  it('after it was done and before the commit loses nothing', async () => {
    const { checkpoint, team } = await started(totals(''))
    const committed = team.committed.bind(team)
    let killed = 0
    team.committed = (attempt) => {
      if (killed++ === 0) for (const { pid } of team.statuses()) process.kill(pid ?? 0, 'SIGKILL')
      committed(attempt)
    }
    await checkpoint.batch(team, 0)
    expect(await checkpoint.batch(team, 1)).toEqual(AFTER_TWO)
    expect(killed).toBe(2)
  })
})

describe('an executor that cannot be replaced', () => {
  it('fails the attempt, and the next one tries again', async () => {
    const { checkpoint, team } = await started(totals(''), { size: 1 })
    await checkpoint.batch(team, 0)
    checkpoint.unreadable = true
    process.kill(team.statuses()[0]?.pid ?? 0, 'SIGKILL')
    for (let n = 0; n < 200 && team.statuses()[0]?.state !== 'dead'; n++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const failed = await checkpoint.attempt(team, 1)
    expect(failed).toMatchObject({ kind: 'failed', code: 'MR_EXECUTOR_DIED', rank: 0 })
    expect(failed.kind === 'failed' && failed.message).toContain('cannot be replaced: no disk')
    checkpoint.unreadable = false
    expect(await checkpoint.batch(team, 1)).toEqual(AFTER_TWO)
  })
})

describe('user code', () => {
  it('that loops for ever is found, blamed on its place, and replaced', async () => {
    const { checkpoint, replaced, team } = await started(
      totals(`if (word === 'c' && once()) for (;;);`),
      { times: QUICK },
    )
    await checkpoint.batch(team, 0)
    const failed = await checkpoint.attempt(team, 1)
    expect(failed).toMatchObject({
      kind: 'failed',
      code: 'MR_EXECUTOR_HUNG',
    })
    expect(failed.kind === 'failed' && failed.message).toContain('map at app.ts:11:10')
    expect(failed.kind === 'failed' && failed.place).toContain('app.ts:11:10')
    expect(await checkpoint.batch(team, 1)).toEqual(AFTER_TWO)
    expect(replaced).toHaveLength(1)
  })

  it('that fills its memory is told from other deaths', async () => {
    const { checkpoint, team } = await started(
      totals(
        `if (word === 'c' && once()) {
          const hog = []
          for (;;) hog.push(new Array(1000).fill(word))
        }`,
      ),
      { memoryMegabytes: 64, times: { hangTimeoutMs: 20_000 } },
    )
    await checkpoint.batch(team, 0)
    const failed = await checkpoint.attempt(team, 1)
    expect(failed).toMatchObject({
      kind: 'failed',
      code: 'MR_EXECUTOR_OUT_OF_MEMORY',
    })
    expect(failed.kind === 'failed' && failed.place).toContain('app.ts:11:10')
    expect(await checkpoint.batch(team, 1)).toEqual(AFTER_TWO)
  })

  it('that ends its process is found out', async () => {
    const { checkpoint, team } = await started(
      totals(`if (word === 'c' && once()) process.exit(0)`),
    )
    const failed = [await checkpoint.attempt(team, 0), await checkpoint.attempt(team, 1)]
    expect(failed[1]).toMatchObject({ kind: 'failed', code: 'MR_EXECUTOR_DIED' })
    expect(await checkpoint.batch(team, 1)).toEqual(AFTER_TWO)
  })

  it('that writes garbage to its channel loses its own process only', async () => {
    const { checkpoint, printed, replaced, team } = await started(
      totals(`
        if (word === 'c' && once()) writeSync(3, 'garbage')
        if (word === 'd') console.log(readdirSync(process.env.MILLRACE_SCRATCH).length)`),
    )
    await checkpoint.batch(team, 0)
    const failed = await checkpoint.attempt(team, 1)
    expect(failed).toMatchObject({ kind: 'failed', code: 'MR_EXECUTOR_DIED' })
    expect(rowsOf(await checkpoint.attempt(team, 1))).toEqual(AFTER_TWO)
    expect(rowsOf(await checkpoint.attempt(team, 2))).toEqual(AFTER_THREE)
    expect(replaced).toHaveLength(1)
    await team.stop()
    // One socket each: that of the dead executor was removed.
    expect(printed.map((line) => line.replace(/\d/, 'n'))).toEqual(['executor n stdout: 2'])
  })

  it('that removes the directory of the sockets has the whole team started anew', async () => {
    const { checkpoint, replaced, team } = await started(
      totals(`
        if (word === 'c' && once()) {
          rmSync(process.env.MILLRACE_SCRATCH, { recursive: true })
          process.kill(process.pid, 'SIGKILL')
        }`),
    )
    await checkpoint.batch(team, 0)
    expect(await checkpoint.attempt(team, 1)).toMatchObject({ code: 'MR_EXECUTOR_DIED' })
    expect(await checkpoint.attempt(team, 1)).toMatchObject({ kind: 'failed' })
    expect(rowsOf(await checkpoint.attempt(team, 1))).toEqual(AFTER_TWO)
    expect(replaced).toHaveLength(3)
  })

  it('that fails where nobody catches it is quoted', async () => {
    const { checkpoint, team } = await started(
      program(
        'throws',
        `
        ssc.sequenceStream({ uid: 'in', partitions: 1, batches: [[1]] })
          .foreachPartition({ uid: 'out' }, async () => {
            setTimeout(() => { throw new Error('out of band') }, 0)
            await new Promise((resolve) => setTimeout(resolve, 20_000))
          })`,
      ),
    )
    const failed = await checkpoint.attempt(team, 0)
    expect(failed).toMatchObject({ kind: 'failed', code: 'MR_EXECUTOR_DIED' })
    expect(failed.kind === 'failed' && failed.message).toContain('out of band')
    expect(failed.kind === 'failed' && failed.stack).toMatch(/app\.ts:8:\d+/)
  })

  it('that never ends waiting is cut off by the attempt’s time limit', async () => {
    const { checkpoint, replaced, team } = await started(
      program(
        'waits',
        `
        ssc.sequenceStream({ uid: 'in', partitions: 1, batches: [[1, 2]] })
          .foreachPartition({ uid: 'out' }, async () => {
            if (existsSync(flag)) return
            mkdirSync(flag)
            await new Promise((resolve) => setTimeout(resolve, 1e8))
          })`,
      ),
      { times: { ...QUICK, attemptTimeoutMs: 4000 } },
    )
    const failed = await checkpoint.attempt(team, 0)
    expect(failed).toMatchObject({ kind: 'failed', code: 'MR_EXECUTOR_HUNG' })
    expect(failed.kind === 'failed' && failed.message).toContain('longer than 4000 ms')
    expect(await checkpoint.attempt(team, 0)).toMatchObject({ kind: 'done' })
    expect(replaced).toHaveLength(1)
  })

  it('that does other work in one process than in another is refused at once', async () => {
    const { checkpoint, replaced, team } = await started(
      program(
        'differs',
        `
        const odd = (() => { try { mkdirSync(flag); return true } catch { return false } })()
        ssc.sequenceStream({ uid: 'in', partitions: 2, batches: [[1, 2, 3]] })
          .transform((dataset) => (odd ? dataset.distinct() : dataset))
          .toRows('out')`,
      ),
    )
    const failed = await checkpoint.attempt(team, 0)
    expect(failed).toMatchObject({ kind: 'failed', code: 'MR_COLLECTIVE_MISMATCH' })
    expect(failed.kind === 'failed' && failed.message).toContain('distinct at app.ts:8:')
    expect(failed.kind === 'failed' && failed.message).toContain('the end of the batch')
    expect(replaced).toHaveLength(1)
  })

  it('prints to the driver, line by line', async () => {
    const { checkpoint, printed, team } = await started(
      totals(`if (word === 'd') { process.stdout.write('a d\\n'); console.error('bad d') }`),
    )
    await checkpoint.batch(team, 2)
    await team.stop()
    expect(printed.map((line) => line.replace(/\d/, 'n')).sort()).toEqual([
      'executor n stderr: bad d',
      'executor n stdout: a d',
    ])
  })

  it('has its resources closed at a stop', async () => {
    const { checkpoint, printed, team } = await started(
      program(
        'uses',
        `
        const close = () => process.stdout.write('closed\\n')
        const pool = ssc.resource({ uid: 'pool', open: () => 'open', close })
        ssc.sequenceStream({ uid: 'in', partitions: 1, batches: [[1]] })
          .foreachPartition({ uid: 'out' }, async (rows, c) => {
            process.stdout.write(\`\${await c.use(pool)} \${c.address}\\n\`)
          })`,
      ),
      { size: 1 },
    )
    await checkpoint.attempt(team, 0)
    const pid = team.statuses()[0]?.pid ?? 0
    await team.stop()
    expect(printed).toEqual(['executor 0 stdout: open uses/out/0/0', 'executor 0 stdout: closed'])
    expect(isAlive(pid)).toBe(false)
  })
})

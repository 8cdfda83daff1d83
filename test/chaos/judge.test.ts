import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Evidence, isClean, judge } from '../../chaos/kill/judge.ts'
import { OutputReader } from '../../chaos/kill/reader.ts'

const GOOD: Evidence = {
  sent: 2,
  numbers: new Map([1, 2].map((n) => [n, 1])),
  luck: new Map([1, 2].map((n) => [n, [`1 0.${String(n)}`]])),
  states: new Map([1, 2].map((n) => [n, `1 0.${String(n)}`])),
}

describe('the judge', () => {
  it('finds nothing where each number stands once and its state is what was published', () => {
    expect(isClean(judge(GOOD))).toBe(true)
  })
  it.each([
    ['lost', { numbers: new Map([[1, 1]]) }, [2]],
    ['lost', { luck: new Map([[1, ['1 0.1']]]) }, [2]],
    ['lost', { states: new Map([[1, '1 0.1']]) }, [2]],
    ['doubled', { numbers: new Map([1, 2].map((n) => [n, n])) }, [2]],
    ['doubled', { luck: new Map([1, 2].map((n) => [n, Array<string>(n).fill('1 0.1')])) }, [2]],
    ['doubled', { states: new Map([1, 2].map((n) => [n, `${String(n)} 0.${String(n)}`])) }, [2]],
    ['torn', { states: new Map([1, 2].map((n) => [n, '1 0.1'])) }, [2]],
    ['invented', { sent: 1 }, [2]],
  ] as const)('finds what is %s in %j', (name, change, numbers) => {
    const verdict = judge({ ...GOOD, ...change })
    expect(verdict[name]).toEqual(numbers)
    expect(isClean(verdict)).toBe(false)
  })
})

describe('the reader of outputs', () => {
  let directory = ''
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'millrace-reader-'))
    publish('numbers-60', '1\n2\n')
    publish('luck-60', '1 1 0.5\n2 1 0.25\n')
  })
  afterEach(() => {
    rmSync(directory, { recursive: true })
  })
  const publish = (name: string, text: string): void => {
    mkdirSync(join(directory, name))
    writeFileSync(join(directory, name, 'part-00000'), text)
    writeFileSync(join(directory, name, '_SUCCESS'), '')
  }
  const problemsAfter = (harm: () => void): readonly string[] => {
    const reader = new OutputReader(directory)
    reader.scan()
    harm()
    reader.recheck()
    return reader.problems
  }

  it('takes numbers and draws from what is published, once', () => {
    const reader = new OutputReader(directory)
    reader.scan()
    reader.scan()
    publish('numbers-120', '2\n')
    reader.recheck()
    expect([...reader.numbers]).toEqual([
      ...[
        [1, 1],
        [2, 2],
      ],
    ])
    expect([...reader.luck]).toEqual([
      ...[
        [1, ['1 0.5']],
        [2, ['1 0.25']],
      ],
    ])
    expect(reader.problems).toEqual([])
    expect(reader.directories).toBe(3)
  })
  it('sees that a published directory has changed', () => {
    const problems = problemsAfter(() => {
      writeFileSync(join(directory, 'numbers-60/part-00001'), '3\n')
    })
    expect(problems).toEqual(['numbers-60 has changed'])
  })
  it('sees what was left behind', () => {
    const problems = problemsAfter(() => {
      mkdirSync(join(directory, '.numbers-60.staged-0-7'))
    })
    expect(problems).toEqual(['.numbers-60.staged-0-7 was left behind'])
  })
  it('sees half a line, a line of another kind, and a missing _SUCCESS', () => {
    publish('luck-120', '3 1 0.5\n4 1')
    publish('numbers-120', 'x\n')
    rmSync(join(directory, 'numbers-60/_SUCCESS'))
    const reader = new OutputReader(directory)
    reader.scan()
    expect([...reader.problems].sort()).toEqual([
      ...['luck-120/part-00000 is cut short', "numbers-120 holds the line 'x'"],
      'numbers-60 has no _SUCCESS',
    ])
  })
})

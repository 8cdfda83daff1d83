/**
 * The project's vectors in `npm test`: all of them inline, a sample on two executor processes. `npm
 * run vectors` runs all of them both ways.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { inlineWay } from './run-inline.ts'
import { processesWay } from './run-processes.ts'
import { runVector } from './runner.ts'
import { TRANSLATIONS, translationOf } from './scenarios.ts'
import { readVectors } from './vector.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const vectors = readVectors(fileURLToPath(new URL('./data', import.meta.url)))
const isPipeline = (kind: string): boolean =>
  kind === 'dataflow' || kind === 'dataflow-error' || kind === 'recovery'
const pipelines = vectors.filter((vector) => isPipeline(vector.kind))
const functions = vectors.filter((vector) => vector.kind === 'function')

/**
 * One of so many runs on processes here: those that carry state or are recovered, and errors, are
 * among them.
 */
const SAMPLE = 12
const PROCESS_TIME_LIMIT_MS = 60_000
const sample = pipelines.filter((_vector, index) => index % SAMPLE === 0)

describe('functions', () => {
  const own = functions.filter((vector) => translationOf(vector.id) === undefined)
  it.each(own.map((vector) => [vector.id, vector] as const))('%s', async (_id, vector) => {
    expect(await runVector(vector, [])).toEqual({ kind: 'passed' })
  })
})

describe('translations', () => {
  it('cover every scenario of the data', () => {
    const scenarios = vectors.filter((vector) => vector.kind === 'scenario')
    const left = scenarios.filter((vector) => translationOf(vector.id) === undefined)
    expect(left.map((vector) => vector.id)).toEqual([])
  })
  it('name vectors that are there', () => {
    const ids = new Set(vectors.map((vector) => vector.id))
    expect(Object.keys(TRANSLATIONS).filter((id) => !ids.has(id))).toEqual([])
  })
  it('name tests that are there', () => {
    const missing = Object.values(TRANSLATIONS).flatMap((translation) => {
      if (translation.kind === 'replaced') return []
      const text = readFileSync(`${root}${translation.file}`, 'utf8')
      return text.includes(`it('${translation.name}'`) ? [] : [translation]
    })
    expect(missing).toEqual([])
  })
})

describe('pipelines inline', () => {
  const ways = [inlineWay()]
  it.each(pipelines.map((vector) => [vector.id, vector] as const))('%s', async (_id, vector) => {
    expect(await runVector(vector, ways)).toEqual({ kind: 'passed' })
  })
})

describe('pipelines on two processes', () => {
  const way = processesWay()
  afterAll(() => way.close())
  it.each(sample.map((vector) => [vector.id, vector] as const))(
    '%s',
    async (_id, vector) => {
      expect(await runVector(vector, [way])).toEqual({ kind: 'passed' })
    },
    PROCESS_TIME_LIMIT_MS,
  )
})

/**
 * Style is a test: each rule lists who breaks it. That the rules can fail is shown in
 * test/tidy/rules.test.ts.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../src/base/errors.ts'
import { emptyRows, errorCodeOffenders } from './tidy/error-codes.ts'
import { loaderOffenders, seamOffenders } from './tidy/seam.ts'
import {
  columnOffenders,
  fileSizeOffenders,
  functionSizeOffenders,
  headerOffenders,
  leftoverOffenders,
} from './tidy/sizes.ts'
import { barrelOffenders, cycleOffenders, deadOffenders, floorOffenders } from './tidy/structure.ts'
import { readTree, type SourceTree } from './tidy/tree.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const tree = readTree(root)
const errorsPage = readFileSync(`${root}docs/errors.md`, 'utf8')

const RULES: readonly (readonly [string, (tree: SourceTree) => string[]])[] = [
  ['a folder imports only from lower floors, types included', floorOffenders],
  ['no files import each other in a circle, types included', cycleOffenders],
  ['there are no barrels but the two public entries', barrelOffenders],
  ['every shipped file is reached from an entry', deadOffenders],
  ['a file has at most 300 lines, a test 400', fileSizeOffenders],
  ['a function has at most 70 lines', functionSizeOffenders],
  ['a line has at most 100 columns', columnOffenders],
  ['every file begins with a comment that says what it owns', headerOffenders],
  ['nothing is left over', leftoverOffenders],
  ['only the host touches the machine', seamOffenders],
  ['only executors import user programs', loaderOffenders],
]

describe('the source tree', () => {
  it('is there', () => {
    expect(tree.has('src/base/errors.ts')).toBe(true)
    expect(tree.has('test/tidy.test.ts')).toBe(true)
  })
  it.each(RULES)('%s', (_name, rule) => {
    expect(rule(tree)).toEqual([])
  })
})

describe('error codes', () => {
  it('are those of docs/errors.md, both ways', () => {
    expect(errorCodeOffenders(Object.keys(ERROR_CODES), errorsPage)).toEqual([])
  })
  it('are each documented with a meaning and a remedy', () => {
    expect(emptyRows(errorsPage)).toEqual([])
  })
})

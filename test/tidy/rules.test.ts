/**
 * Each tidy rule on a small tree in memory: it names the offender, and it lets the innocent pass.
 */
import { describe, expect, it } from 'vitest'
import { emptyRows, errorCodeOffenders } from './error-codes.ts'
import { loaderOffenders, seamOffenders } from './seam.ts'
import {
  columnOffenders,
  fileSizeOffenders,
  functionSizeOffenders,
  headerOffenders,
  leftoverOffenders,
} from './sizes.ts'
import { barrelOffenders, cycleOffenders, deadOffenders, floorOffenders } from './structure.ts'
import { treeOf } from './tree.ts'

const lines = (n: number, line = 'x()'): string => `${Array<string>(n).fill(line).join('\n')}\n`
const body = (n: number): string => `{\n${lines(n)}}`

describe('floors', () => {
  it('refuse an import from above, from the side and from nowhere, types included', () => {
    const tree = treeOf({
      'src/base/a.ts': `import type { B } from '../host/b.ts'`,
      'src/host/b.ts': `import { c } from '../base/c.ts'`,
      'src/base/c.ts': `export const c = 1`,
      'wal/d.ts': `import { e } from '../checkpoint/e.ts'\nimport('../src/base/gone.ts')`,
      'checkpoint/e.ts': `export type E = import('../test/f.ts').F`,
      'test/f.ts': `import '../wal/d.ts'`,
      'src/odd/g.ts': ``,
    })
    expect(floorOffenders(tree)).toEqual([
      'checkpoint/e.ts:1: floor 2 imports test/f.ts (no floor)',
      'src/base/a.ts:1: floor 0 imports src/host/b.ts (floor 1)',
      'src/odd/g.ts: stands on no floor',
      'wal/d.ts:1: floor 2 imports checkpoint/e.ts (floor 2)',
      `wal/d.ts:2: no file '../src/base/gone.ts'`,
    ])
  })
})

describe('cycles', () => {
  it('are found through types and through several files', () => {
    const tree = treeOf({
      'src/a.ts': `import { b } from './b.ts'`,
      'src/b.ts': `import { c } from './c.ts'`,
      'src/c.ts': `import type { A } from './a.ts'`,
      'src/d.ts': `import { a } from './a.ts'`,
      'src/e.ts': `import './e.ts'`,
    })
    expect(cycleOffenders(tree)).toEqual([
      'cycle: src/a.ts, src/b.ts, src/c.ts',
      'src/e.ts imports itself',
    ])
  })
})

describe('barrels', () => {
  it('are only the two public entries, which name what they export', () => {
    const tree = treeOf({
      'src/index.ts': `export { a } from './a.ts'\nexport * from './b.ts'`,
      'src/testing.ts': `export { a } from './a.ts'`,
      'wal/index.ts': `export const w = 1`,
      'wal/x.ts': `export type { A } from './a.ts'`,
    })
    expect(barrelOffenders(tree)).toEqual([
      'src/index.ts:2: export *',
      'wal/index.ts: a barrel',
      'wal/x.ts:1: re-export outside the public entries',
    ])
  })
})

describe('dead files', () => {
  it('are those that no entry reaches by import or by URL', () => {
    const tree = treeOf({
      'src/main.ts': `import './a.ts'`,
      'src/a.ts': `new Worker(new URL('./thread.js', import.meta.url))`,
      'src/thread.ts': ``,
      'src/executor/executor-main.ts': `import type { T } from './t.ts'`,
      'src/executor/t.ts': ``,
      'src/dead.ts': `import './a.ts'`,
      'chaos/dead.ts': ``,
      'test/helper.ts': ``,
    })
    expect(deadOffenders(tree)).toEqual([
      'chaos/dead.ts: no entry reaches it',
      'src/dead.ts: no entry reaches it',
    ])
  })
})

describe('sizes', () => {
  it('count lines of files, more being allowed to tests', () => {
    const tree = treeOf({
      'src/ok.ts': lines(300),
      'src/long.ts': lines(301),
      'test/ok.test.ts': lines(400),
      'test/long.test.ts': lines(401),
    })
    expect(fileSizeOffenders(tree)).toEqual([
      'src/long.ts: 301 lines (at most 300)',
      'test/long.test.ts: 401 lines (at most 400)',
    ])
  })
  it('count lines of functions of every form', () => {
    const tree = treeOf({
      'src/ok.ts': `function f() ${body(68)}`,
      'src/f.ts': `function f() ${body(69)}`,
      'src/g.ts': `const g = () => ${body(69)}`,
      'src/h.ts': `class H { m() ${body(69)} get g() ${body(69)} constructor() ${body(69)} }`,
    })
    expect(functionSizeOffenders(tree).map((line) => line.replace(/:\d+:/, ':'))).toEqual([
      'src/f.ts: 71 lines',
      'src/g.ts: 71 lines',
      'src/h.ts: 71 lines',
      'src/h.ts: 71 lines',
      'src/h.ts: 71 lines',
    ])
  })
  it('let a suite be long, but not a test in it', () => {
    const suite = (n: number): string =>
      `describe('a', () => {\n${lines(80, `it('b', () => {})`)}it('c', () => ${body(n)})\n})`
    const tree = treeOf({ 'test/ok.test.ts': suite(68), 'test/long.test.ts': suite(69) })
    expect(functionSizeOffenders(tree)).toEqual(['test/long.test.ts:82: 71 lines'])
  })
  it('count columns, not bytes', () => {
    const tree = treeOf({ 'src/ok.ts': 'é'.repeat(100), 'src/wide.ts': `\n${'x'.repeat(101)}` })
    expect(columnOffenders(tree)).toEqual(['src/wide.ts:2: 101 columns'])
  })
})

describe('headers', () => {
  it('are asked of every file but a test', () => {
    const tree = treeOf({
      'src/ok.ts': `/** Owns it. */\nexport {}`,
      'src/long.ts': `/**\n * Owns it.\n */\nexport {}`,
      'bin/ok.js': `#!/usr/bin/env node\n// Starts it.\n`,
      'src/none.ts': `export {}\n/** Too late. */`,
      'src/empty.ts': `/** */`.replace(' ', ''),
      'test/a.test.ts': `export {}`,
    })
    expect(headerOffenders(tree)).toEqual([
      'src/empty.ts: no header comment',
      'src/none.ts: no header comment',
    ])
  })
})

describe('leftovers', () => {
  it.each([
    ['// ', ['TO', 'DO'], undefined],
    ['// ', ['FIX', 'ME'], undefined],
    ['', ['it.on', 'ly("a")'], 'a test left alone'],
    ['', ['describe.sk', 'ip("a")'], 'a test left out'],
    ['', ['console.l', 'og(1)'], 'console output'],
    ['', ['"/wo', 'rk/x"'], 'a path of one machine'],
  ])('are found: %s%j', (before, halves, name) => {
    const text = halves.join('')
    expect(leftoverOffenders(treeOf({ 'src/a.ts': `\n${before}${text}` }))).toEqual([
      `src/a.ts:2: ${name ?? text}`,
    ])
  })
  it('are not words that merely hold one, nor prints of an entry', () => {
    const tree = treeOf({
      'src/a.ts': `mastodon.skip(3)`,
      'bench/b.mjs': ['console.l', 'og(1)'].join(''),
    })
    expect(leftoverOffenders(tree)).toEqual([])
  })
})

describe('the seam', () => {
  it.each([
    [`import { open } from 'node:fs/promises'`, 'imports node:fs/promises'],
    [`import type { Socket } from 'net'`, 'imports net'],
    [`import { Level } from 'level'`, 'imports level'],
    [`import { randomBytes as r } from 'node:crypto'`, 'randomBytes'],
    [`import * as crypto from 'node:crypto'`, 'all of node:crypto'],
    [`setTimeout(f, 1)`, 'setTimeout'],
    [`const t = Date.now()`, 'Date.now'],
    [`const now = Date.now`, 'Date.now'],
    [`performance.now()`, 'performance.now'],
    [`new Date()`, 'new Date()'],
    [`globalThis.Math.random()`, 'Math.random'],
    [`AbortSignal.timeout(5)`, 'AbortSignal.timeout'],
    [`process.exit(1)`, 'process.exit'],
    [`process.once('SIGTERM', f)`, 'process.once'],
  ])('is breached by %s', (code, name) => {
    expect(seamOffenders(treeOf({ 'src/engine/a.ts': code }))).toEqual([
      `src/engine/a.ts:1: ${name}`,
    ])
    const outside = [
      'src/host/node-a.ts',
      'src/executor/executor-main.ts',
      'chaos/a.ts',
      'test/a.ts',
    ]
    expect(seamOffenders(treeOf(Object.fromEntries(outside.map((path) => [path, code]))))).toEqual(
      [],
    )
  })
  it('is not breached by dates with a value, hashes, clocks of the host and comments', () => {
    const code = `import { createHash } from 'node:crypto'
      new Date(5); host.clock.now(); clock.setTimeout(); process.cwd() // Date.now()`
    expect(seamOffenders(treeOf({ 'src/engine/a.ts': code }))).toEqual([])
  })
  it('lets the run command hear signals, and nothing else', () => {
    const tree = treeOf({ 'src/daemon/run.ts': `process.on('SIGTERM', f)\nprocess.exit(0)` })
    expect(seamOffenders(tree)).toEqual(['src/daemon/run.ts:2: process.exit'])
  })
})

describe('user programs', () => {
  it('are imported by the loader alone', () => {
    const code = `import('./known.ts')\nimport(url)`
    const tree = treeOf({ 'src/executor/load-app.ts': code, 'src/engine/a.ts': code })
    expect(loaderOffenders(tree)).toEqual(['src/engine/a.ts:2: import() of something computed'])
  })
})

describe('error codes', () => {
  const page = '| `MR_A` | no | It means. | Do. |\n| `MR_B` | no | It means. |  |\n'
  it('are missed, invented and doubled by name', () => {
    expect(errorCodeOffenders(['MR_A', 'MR_C'], `${page}| \`MR_A\` | no | a | b |\n`)).toEqual([
      'MR_A: documented twice',
      'MR_B: no such code',
      'MR_C: not documented',
    ])
  })
  it('need a remedy', () => {
    expect(emptyRows(page)).toEqual(['MR_B'])
  })
})

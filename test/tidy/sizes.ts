/**
 * Rules on size and on what a file must begin with: lines, columns, functions, header comments,
 * leftover words.
 */
import ts from 'typescript'
import { at, isTest, walk, type SourceFile, type SourceTree } from './tree.ts'

const FILE_LINES_MAX = 300
const TEST_FILE_LINES_MAX = 400
const FUNCTION_LINES_MAX = 70
const COLUMNS_MAX = 100

const linesOf = (text: string): string[] => text.replace(/\n$/, '').split('\n')

export function fileSizeOffenders(tree: SourceTree): string[] {
  return each(tree, (file) => {
    const lines = linesOf(file.text).length
    const max = isTest(file.path) ? TEST_FILE_LINES_MAX : FILE_LINES_MAX
    return lines > max ? [`${file.path}: ${String(lines)} lines (at most ${String(max)})`] : []
  })
}

export function columnOffenders(tree: SourceTree): string[] {
  return each(tree, (file) =>
    linesOf(file.text).flatMap((line, index) => {
      const columns = Array.from(line).length
      if (columns <= COLUMNS_MAX) return []
      return [`${file.path}:${String(index + 1)}: ${String(columns)} columns`]
    }),
  )
}

export function functionSizeOffenders(tree: SourceTree): string[] {
  return each(tree, (file) => {
    const offenders: string[] = []
    walk(file.ast, (node) => {
      if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return
      if (isTest(file.path) && isSuite(node)) return
      const lines = lineOf(file, node.getEnd()) - lineOf(file, node.getStart(file.ast)) + 1
      if (lines > FUNCTION_LINES_MAX) offenders.push(`${at(file, node)}: ${String(lines)} lines`)
    })
    return offenders
  })
}

const lineOf = (file: SourceFile, position: number): number =>
  file.ast.getLineAndCharacterOfPosition(position).line

const SUITE_CALL = /^(describe|it|test)(\.\w+)*$/

/**
 * A function whose own statements declare tests is a list of functions, each measured by itself.
 */
function isSuite(of: ts.SignatureDeclaration): boolean {
  let suite = false
  const look = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return
    if (ts.isCallExpression(node) && SUITE_CALL.test(calleeText(node))) suite = true
    ts.forEachChild(node, look)
  }
  ts.forEachChild(of, look)
  return suite
}

function calleeText(call: ts.CallExpression): string {
  const callee = ts.isCallExpression(call.expression) ? call.expression.expression : call.expression
  return callee.getText()
}

/** Every file but a test itself begins with a comment that says what it owns. */
export function headerOffenders(tree: SourceTree): string[] {
  return each(tree, (file) => {
    if (file.path.endsWith('.test.ts')) return []
    const text = file.text.replace(/^#!.*\n/, '').trimStart()
    return /^(\/\*\*?|\/\/)[\s*]*[^\s*/]/.test(text) ? [] : [`${file.path}: no header comment`]
  })
}

/** Written in two halves so that this file does not offend. */
const word = (...halves: readonly string[]): string => halves.join('')
const LEFTOVERS = [
  ...[word('TO', 'DO'), word('FIX', 'ME'), word('X', 'XX'), word('HA', 'CK')].map((text) => ({
    text,
    pattern: new RegExp(`\\b${text}\\b`),
  })),
  { text: 'a test left alone', pattern: new RegExp(word('\\b(it|test|describe)\\.', 'only\\(')) },
  {
    text: 'a test left out',
    pattern: new RegExp(word('\\b(it|test|describe)\\.', '(skip|todo)\\(')),
  },
  { text: 'a path of one machine', pattern: new RegExp(word('/wo', 'rk/|/ho', 'me/|/ro', 'ot/')) },
]
const PRINTS = new RegExp(word('\\bconsole\\.', '(log|debug|info)\\('))
const MAY_PRINT = /(^|[/-])main\.(ts|mjs)$|^(bench|examples|test)\//

export function leftoverOffenders(tree: SourceTree): string[] {
  return each(tree, (file) =>
    linesOf(file.text).flatMap((line, index) => {
      const where = `${file.path}:${String(index + 1)}`
      const found = LEFTOVERS.filter(({ pattern }) => pattern.test(line)).map(({ text }) => text)
      if (PRINTS.test(line) && !MAY_PRINT.test(file.path)) found.push('console output')
      return found.map((text) => `${where}: ${text}`)
    }),
  )
}

function each(tree: SourceTree, rule: (file: SourceFile) => readonly string[]): string[] {
  return [...tree.values()].flatMap((file) => rule(file)).sort()
}

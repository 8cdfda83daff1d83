/**
 * The one seam: the machine (disk, network, processes, threads, time, chance, signals) is touched
 * only by `src/host/node-*.ts` and the tiny entries. Chaos, bench, examples and tests stand
 * outside. User programs are imported in one file only.
 */
import ts from 'typescript'
import { importsOf } from './imports.ts'
import { at, isProduct, walk, type SourceFile, type SourceTree } from './tree.ts'

const MODULES = new Set(
  [
    ...['fs', 'fs/promises', 'net', 'tls', 'dgram', 'http', 'https', 'http2', 'dns', 'cluster'],
    ...['child_process', 'worker_threads', 'timers', 'timers/promises', 'perf_hooks', 'process'],
  ].flatMap((name) => [name, `node:${name}`]),
)
const STORES = new Set(['level', 'classic-level', 'abstract-level'])
const CHANCE = /^(random|getRandomValues|webcrypto|generateKey)/
const TIMERS = new Set([
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval'],
  ...['clearImmediate', 'fetch', 'WebSocket'],
])
const MEMBERS = new Set([
  ...['Date.now', 'performance.now', 'Math.random', 'AbortSignal.timeout', 'Atomics.wait'],
  ...['crypto.randomUUID', 'crypto.getRandomValues', 'process.hrtime', 'process.uptime'],
  ...['process.kill', 'process.exit', 'process.abort'],
])
const SIGNALS = new Set(['process.on', 'process.once', 'process.off', 'process.removeListener'])

const isFree = (path: string): boolean =>
  /^src\/host\/node-[\w-]+\.ts$/.test(path) || /(^|[/-])main\.ts$/.test(path)
/** The command that runs a daemon listens to signals. */
const MAY_HEAR_SIGNALS = new Set(['src/daemon/run.ts', 'src/daemon/supervise.ts'])

export function seamOffenders(tree: SourceTree): string[] {
  const offenders: string[] = []
  for (const file of tree.values()) {
    if (!isProduct(file.path) || isFree(file.path)) continue
    for (const { specifier, node } of importsOf(file)) {
      if (MODULES.has(specifier) || STORES.has(specifier)) {
        offenders.push(`${at(file, node)}: imports ${specifier}`)
      }
    }
    walk(file.ast, (node) => {
      const touched = effectOf(file, node)
      if (touched !== undefined) offenders.push(`${at(file, node)}: ${touched}`)
    })
  }
  return offenders.sort()
}

function effectOf(file: SourceFile, node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) {
    const text = node.getText(file.ast).replace(/^globalThis\./, '')
    if (MEMBERS.has(text)) return text
    if (SIGNALS.has(text) && !MAY_HEAR_SIGNALS.has(file.path)) return text
  }
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
    if (TIMERS.has(node.expression.text)) return node.expression.text
    if (node.expression.text === 'Date') return 'Date()'
  }
  if (ts.isNewExpression(node) && node.expression.getText(file.ast) === 'Date') {
    if ((node.arguments?.length ?? 0) === 0) return 'new Date()'
  }
  if (ts.isImportDeclaration(node)) return importedChance(node)
  return undefined
}

function importedChance(node: ts.ImportDeclaration): string | undefined {
  const from = ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : ''
  const named = node.importClause?.namedBindings
  if (!/^(node:)?crypto$/.test(from)) return undefined
  if (named === undefined || !ts.isNamedImports(named)) return 'all of node:crypto'
  return named.elements
    .map((element) => (element.propertyName ?? element.name).text)
    .find((name) => CHANCE.test(name))
}

const LOADER = 'src/executor/load-app.ts'

/** A program is user code: only an executor imports one, in one place. */
export function loaderOffenders(tree: SourceTree): string[] {
  const offenders: string[] = []
  for (const file of tree.values()) {
    if (!isProduct(file.path) || file.path === LOADER) continue
    walk(file.ast, (node) => {
      if (!ts.isCallExpression(node) || node.expression.kind !== ts.SyntaxKind.ImportKeyword) return
      const [argument] = node.arguments
      if (argument === undefined || !ts.isStringLiteralLike(argument)) {
        offenders.push(`${at(file, node)}: import() of something computed`)
      }
    })
  }
  return offenders.sort()
}

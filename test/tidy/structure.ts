/** Rules on how files hang together: floors, cycles, barrels, dead files. */
import ts from 'typescript'
import { importGraph, importsOf, resolveImport, urlsOf } from './imports.ts'
import { at, isProduct, walk, type SourceTree } from './tree.ts'

/** A folder imports only from lower floors, types included. */
const FLOORS: readonly (readonly string[])[] = [
  ['src/base'],
  ['src/host'],
  ['wal', 'checkpoint'],
  ['src/dataset', 'src/blocks'],
  ['src/dstream', 'src/receiver'],
  ['src/sources', 'src/sinks', 'src/flume'],
  ['src/executor'],
  ['src/engine'],
  ['src/admin', 'src/daemon'],
  ['src/index.ts', 'src/testing.ts', 'src/main.ts'],
]

interface Home {
  readonly folder: string
  readonly floor: number
}

function homeOf(path: string): Home | undefined {
  for (const [floor, folders] of FLOORS.entries()) {
    const folder = folders.find((name) => path === name || path.startsWith(`${name}/`))
    if (folder !== undefined) return { folder, floor }
  }
  return undefined
}

export function floorOffenders(tree: SourceTree): string[] {
  const offenders: string[] = []
  for (const file of tree.values()) {
    if (!isProduct(file.path)) continue
    const home = homeOf(file.path)
    if (home === undefined) {
      offenders.push(`${file.path}: stands on no floor`)
      continue
    }
    for (const { specifier, node } of importsOf(file)) {
      const target = resolveImport(tree, file.path, specifier)
      if (target === undefined) {
        if (specifier.startsWith('.')) offenders.push(`${at(file, node)}: no file '${specifier}'`)
        continue
      }
      const other = homeOf(target)
      if (other?.folder === home.folder || (other !== undefined && other.floor < home.floor))
        continue
      const floor = other === undefined ? 'no floor' : `floor ${String(other.floor)}`
      offenders.push(`${at(file, node)}: floor ${String(home.floor)} imports ${target} (${floor})`)
    }
  }
  return offenders.sort()
}

/** Strongly connected groups of two or more files (Tarjan), and files that import themselves. */
export function cycleOffenders(tree: SourceTree): string[] {
  const graph = importGraph(tree)
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const onStack = new Set<string>()
  const offenders: string[] = []
  const visit = (path: string): number => {
    const own = index.size
    let lowest = own
    index.set(path, own)
    stack.push(path)
    onStack.add(path)
    for (const target of graph.get(path) ?? []) {
      if (target === path) offenders.push(`${path} imports itself`)
      const seen = index.get(target)
      if (seen === undefined) lowest = Math.min(lowest, visit(target))
      else if (onStack.has(target)) lowest = Math.min(lowest, seen)
    }
    low.set(path, lowest)
    if (lowest === own) {
      const group = stack.splice(stack.indexOf(path))
      for (const member of group) onStack.delete(member)
      if (group.length > 1) offenders.push(`cycle: ${group.sort().join(', ')}`)
    }
    return lowest
  }
  for (const path of graph.keys()) if (!index.has(path)) visit(path)
  return offenders.sort()
}

const BARRELS = new Set(['src/index.ts', 'src/testing.ts'])

/**
 * `export *` nowhere; an `index.ts` nowhere but the public entry; re-exports only in the two public
 * entries.
 */
export function barrelOffenders(tree: SourceTree): string[] {
  const offenders: string[] = []
  for (const file of tree.values()) {
    if (/(^|\/)index\.(ts|js|mjs)$/.test(file.path) && !BARRELS.has(file.path)) {
      offenders.push(`${file.path}: a barrel`)
    }
    walk(file.ast, (node) => {
      if (!ts.isExportDeclaration(node) || node.moduleSpecifier === undefined) return
      if (node.exportClause === undefined || ts.isNamespaceExport(node.exportClause)) {
        offenders.push(`${at(file, node)}: export *`)
      } else if (!BARRELS.has(file.path)) {
        offenders.push(`${at(file, node)}: re-export outside the public entries`)
      }
    })
  }
  return offenders.sort()
}

const isEntry = (path: string): boolean =>
  BARRELS.has(path) || /(^|[/-])main\.(ts|mjs)$/.test(path) || path.startsWith('bin/')

/**
 * Shipped and chaos files that no entry reaches, by import or by the URL of a worker or child
 * process.
 */
export function deadOffenders(tree: SourceTree): string[] {
  const graph = importGraph(tree)
  const reached = new Set<string>()
  const queue = [...tree.keys()].filter(isEntry)
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const file = tree.get(path)
    if (reached.has(path) || file === undefined) continue
    reached.add(path)
    queue.push(...(graph.get(path) ?? []))
    for (const url of urlsOf(file)) {
      const target = resolveImport(tree, path, url)
      if (target !== undefined) queue.push(target)
    }
  }
  return [...tree.keys()]
    .filter((path) => (isProduct(path) || path.startsWith('chaos/')) && !reached.has(path))
    .map((path) => `${path}: no entry reaches it`)
    .sort()
}

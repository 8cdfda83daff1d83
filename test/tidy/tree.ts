/**
 * The source tree as the tidy rules see it: paths relative to the root with forward slashes, text,
 * and a syntax tree parsed on demand. Rules are pure functions from a tree to a sorted list of
 * offenders, so each can be tried on a small tree in memory.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

export interface SourceFile {
  readonly path: string
  readonly text: string
  /** Parsed once, with parent links; no types. */
  readonly ast: ts.SourceFile
}

export type SourceTree = ReadonlyMap<string, SourceFile>

const FOLDERS = ['src', 'wal', 'checkpoint', 'chaos', 'test', 'bench', 'examples', 'bin']
const SOURCE = /\.(ts|js|mjs)$/

function sourceFile(path: string, text: string): SourceFile {
  let parsed: ts.SourceFile | undefined
  return {
    path,
    text,
    get ast() {
      parsed ??= ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true)
      return parsed
    },
  }
}

/** A tree in memory: path → text. */
export function treeOf(files: Readonly<Record<string, string>>): SourceTree {
  return new Map(Object.entries(files).map(([path, text]) => [path, sourceFile(path, text)]))
}

/** Every source file of the project below `root`. */
export function readTree(root: string): SourceTree {
  const files: Record<string, string> = {}
  for (const folder of FOLDERS) collect(root, folder, files)
  return treeOf(files)
}

function collect(root: string, folder: string, files: Record<string, string>): void {
  let entries
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true })
  } catch (error) {
    // A top folder that has nothing yet is no offence.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
    throw error
  }
  for (const entry of entries) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) collect(root, path, files)
    else if (SOURCE.test(entry.name)) files[path] = readFileSync(join(root, path), 'utf8')
  }
}

/** Visits every node below `node`, itself included. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => {
    walk(child, visit)
  })
}

/** `src/a.ts:12`, for messages. */
export function at(file: SourceFile, node: ts.Node): string {
  const { line } = file.ast.getLineAndCharacterOfPosition(node.getStart(file.ast))
  return `${file.path}:${String(line + 1)}`
}

export const isTest = (path: string): boolean => path.startsWith('test/')
/** The code that ships. */
export const isProduct = (path: string): boolean => /^(src|wal|checkpoint)\//.test(path)

/**
 * Who imports whom: static imports and re-exports (types included), `import()` in types and code,
 * and worker URLs.
 */
import { posix } from 'node:path'
import ts from 'typescript'
import { walk, type SourceFile, type SourceTree } from './tree.ts'

export interface Import {
  readonly specifier: string
  readonly node: ts.Node
}

/** Every module specifier that stands in a file as a literal. */
export function importsOf(file: SourceFile): readonly Import[] {
  const found: Import[] = []
  walk(file.ast, (node) => {
    const literal = specifierOf(node)
    if (literal !== undefined) found.push({ specifier: literal, node })
  })
  return found
}

function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    const from = node.moduleSpecifier
    return from !== undefined && ts.isStringLiteral(from) ? from.text : undefined
  }
  if (ts.isImportTypeNode(node)) {
    const of = node.argument
    return ts.isLiteralTypeNode(of) && ts.isStringLiteral(of.literal) ? of.literal.text : undefined
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return literalText(node.arguments[0])
  }
  return undefined
}

/** Files named by `new URL('./x.js', import.meta.url)`: entries of workers and child processes. */
export function urlsOf(file: SourceFile): readonly string[] {
  const found: string[] = []
  walk(file.ast, (node) => {
    if (!ts.isNewExpression(node) || node.expression.getText(file.ast) !== 'URL') return
    const text = literalText(node.arguments?.[0])
    if (text?.startsWith('.') === true) found.push(text)
  })
  return found
}

function literalText(node: ts.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined
}

/** The file of the tree that a relative specifier means, or undefined (a package, or nothing). */
export function resolveImport(
  tree: SourceTree,
  from: string,
  specifier: string,
): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const path = posix.join(posix.dirname(from), specifier)
  return [path, path.replace(/\.js$/, '.ts'), `${path}.ts`].find((name) => tree.has(name))
}

/** File → files of the tree it imports. */
export function importGraph(tree: SourceTree): ReadonlyMap<string, readonly string[]> {
  const graph = new Map<string, readonly string[]>()
  for (const file of tree.values()) {
    const targets = importsOf(file).map((found) => resolveImport(tree, file.path, found.specifier))
    graph.set(file.path, [...new Set(targets.filter((path) => path !== undefined))])
  }
  return graph
}

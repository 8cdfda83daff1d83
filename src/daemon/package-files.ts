/**
 * Where the compiled modules of this package lie, seen from its compiled modules and from its
 * sources alike.
 */

/** The file URL of a compiled module, by its path in `dist` (`src/index.js`). */
export function compiledModule(path: string): string {
  const fromSources = import.meta.url.endsWith('.ts')
  return new URL(fromSources ? `../../dist/${path}` : `../../${path}`, import.meta.url).href
}

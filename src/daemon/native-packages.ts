/**
 * Packages with native addons cannot be bundled: they find their binary by their own place. A
 * package is taken for one when its manifest says so (by what builds or loads an addon), or names
 * binaries of its own.
 */
import { join } from 'node:path'
import type { FileSystem } from '../host/host.ts'

const LOADERS = [
  'bindings',
  'node-gyp-build',
  'node-gyp-build-optional-packages',
  'node-pre-gyp',
  '@mapbox/node-pre-gyp',
  'prebuild-install',
  'pkg-prebuilds',
  'node-addon-api',
]

/** `file` is a module inside some `node_modules`. */
export async function isNativePackage(
  fs: Pick<FileSystem, 'readFile' | 'stat' | 'list'>,
  file: string,
): Promise<boolean> {
  const root = await packageRoot(fs, file)
  if (root === undefined) return false
  const manifest: unknown = JSON.parse(
    new TextDecoder().decode(await fs.readFile(join(root, 'package.json'))),
  )
  if (!isRecord(manifest)) return false
  if (manifest['gypfile'] === true || 'napi' in manifest || 'binary' in manifest) return true
  const dependencies = manifest['dependencies']
  if (isRecord(dependencies) && LOADERS.some((name) => name in dependencies)) return true
  const names = (await fs.list(root)) ?? []
  return names.some((name) => name.endsWith('.node') || name === 'binding.gyp')
}

/** The folder of the package that a module inside `node_modules` belongs to. */
async function packageRoot(
  fs: Pick<FileSystem, 'stat'>,
  file: string,
): Promise<string | undefined> {
  const modules = file.lastIndexOf('/node_modules/')
  if (modules < 0) return undefined
  const [first = '', second = ''] = file.slice(modules + '/node_modules/'.length).split('/')
  const name = first.startsWith('@') ? `${first}/${second}` : first
  const root = join(file.slice(0, modules), 'node_modules', name)
  return (await fs.stat(join(root, 'package.json'))) === undefined ? undefined : root
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

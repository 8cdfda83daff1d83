/**
 * A user's program as one ES module: nothing to build, nothing to install beside it. The framework
 * stays outside the bundle, by absolute URL, so that there is one copy of it in an executor.
 *
 * The bundle is written durably under a name made of its content: a crash leaves all of it or
 * nothing, and what ran is kept beside the checkpoint. Nobody executes it here.
 */
import { createHash } from 'node:crypto'
import { isBuiltin } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, stop } from 'esbuild'
import type { BuildFailure, BuildOptions, Message, Plugin } from 'esbuild'
import { present } from '../base/assert.ts'
import { MillraceError, messageOf } from '../base/errors.ts'
import type { FileSystem } from '../host/host.ts'
import { refuseUnwritable } from '../engine/unwritable.ts'
import { isNativePackage } from './native-packages.ts'
import { compiledModule } from './package-files.ts'
import { programIdentity } from './program-identity.ts'

export interface Bundle {
  /** File URL of the module, once it is stored. */
  readonly url: string
  /** First 16 hex digits of the SHA-256 of its content. */
  readonly digest: string
  /** Of the code alone: see `program-identity.ts`. */
  readonly code: string
  readonly bytes: number
  /** Writes it, when it is not there. Call as the owner of the directory. */
  store(): Promise<void>
}

export interface BundleOptions {
  /** The program's source: .ts, .js, .mts, .mjs, .cts, .cjs; relative to `workingDirectory`. */
  readonly program: string
  readonly workingDirectory: string
  /** Where bundles are kept, absolute; made when it is not there. */
  readonly directory: string
}

type BundleFileSystem = Pick<
  FileSystem,
  'stat' | 'readFile' | 'list' | 'makeDirectory' | 'writeFileDurably'
>

/**
 * Builds it; nothing is written before `store`. Throws `MR_PROGRAM_INVALID` when there is no such
 * file, `MR_PROGRAM_BUILD_FAILED` with the place of the first error.
 */
export async function bundleProgram(fs: BundleFileSystem, options: BundleOptions): Promise<Bundle> {
  const entry = resolve(options.workingDirectory, options.program)
  if ((await fs.stat(entry))?.kind !== 'file') {
    throw new MillraceError('MR_PROGRAM_INVALID', `there is no program ${entry}`)
  }
  const content = await compile(fs, entry, options)
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 16)
  const path = join(options.directory, `${digest}.mjs`)
  const store = async (): Promise<void> => {
    if ((await fs.stat(path))?.bytes === content.length) return
    await refuseUnwritable(options.directory, async () => {
      await fs.makeDirectory(options.directory)
      await fs.writeFileDurably(path, content)
    })
  }
  const code = programIdentity(Buffer.from(content).toString(), entry)
  return { url: pathToFileURL(path).href, digest, code, bytes: content.length, store }
}

/** Builds under way: the bundler's own process is let go after the last one. */
let building = 0

async function compile(
  fs: BundleFileSystem,
  entry: string,
  options: BundleOptions,
): Promise<Uint8Array> {
  building += 1
  try {
    const result = await build(buildOptions(fs, entry, options))
    return present(result.outputFiles?.[0], 'output of the bundler').contents
  } catch (error) {
    if (!isBuildFailure(error)) throw error
    throw refusal(error, options.workingDirectory)
  } finally {
    building -= 1
    if (building === 0) await stop()
  }
}

function buildOptions(fs: BundleFileSystem, entry: string, options: BundleOptions): BuildOptions {
  const url = JSON.stringify(pathToFileURL(entry).href)
  return {
    entryPoints: [entry],
    absWorkingDir: options.workingDirectory,
    // Only for the paths in the source map; nothing is written by the bundler.
    outfile: join(options.directory, 'program.mjs'),
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'silent',
    // A program finds its own files as if it had not been bundled; so do the CommonJS packages
    // inside.
    define: {
      'import.meta.url': url,
      'import.meta.dirname': JSON.stringify(dirname(entry)),
      'import.meta.filename': JSON.stringify(entry),
      __dirname: JSON.stringify(dirname(entry)),
      __filename: JSON.stringify(entry),
    },
    banner: {
      js:
        "import { createRequire as __millraceCreateRequire } from 'node:module'\n" +
        `const require = __millraceCreateRequire(${url})`,
    },
    plugins: [outsidePlugin(fs)],
  }
}

/** Marks what must not be resolved again from inside the resolver. */
const RESOLVED = { millraceResolved: true }

/**
 * What stays outside the bundle: the framework, Node's own modules, packages with native addons.
 */
function outsidePlugin(fs: BundleFileSystem): Plugin {
  return {
    name: 'millrace-outside',
    setup(setup) {
      setup.onResolve({ filter: /^millrace(\/.*)?$/ }, ({ path, kind }) => {
        const module = FRAMEWORK[path]
        if (module !== undefined) {
          if (kind === 'require-call') return { path: module, namespace: REQUIRED }
          return { path: compiledModule(module), external: true }
        }
        const known = Object.keys(FRAMEWORK).join(' and ')
        return { errors: [{ text: `'${path}' does not exist: there is ${known}` }] }
      })
      // What CommonJS requires is a module of the bundle that imports the one copy: an ES module
      // outside cannot be required by its URL.
      setup.onLoad({ filter: /^/, namespace: REQUIRED }, ({ path }) => ({
        contents: `export * from ${JSON.stringify(compiledModule(path))}`,
      }))
      setup.onResolve({ filter: /^file:/, namespace: REQUIRED }, ({ path }) => ({
        path,
        external: true,
      }))
      setup.onResolve({ filter: /\.node$/ }, ({ path, resolveDir }) => {
        return path.startsWith('.') ? { path: resolve(resolveDir, path), external: true } : null
      })
      setup.onResolve({ filter: /^[^./]/ }, async (args) => {
        if (args.pluginData === RESOLVED || isBuiltin(args.path) || args.kind === 'entry-point') {
          return null
        }
        const { path: specifier, ...rest } = args
        const found = await setup.resolve(specifier, { ...rest, pluginData: RESOLVED })
        if (found.errors.length > 0 || found.external) return null
        if (!(await isNativePackage(fs, found.path))) return null
        const required = args.kind === 'require-call' || args.kind === 'require-resolve'
        return { path: required ? found.path : pathToFileURL(found.path).href, external: true }
      })
    },
  }
}

const REQUIRED = 'millrace-required'
const FRAMEWORK: Readonly<Record<string, string>> = { millrace: 'src/index.js' }

function refusal(failure: BuildFailure, workingDirectory: string): MillraceError {
  const [first] = failure.errors
  if (first === undefined) {
    return new MillraceError('MR_PROGRAM_BUILD_FAILED', messageOf(failure), { cause: failure })
  }
  const more = failure.errors.length - 1
  const place = placeOf(first, workingDirectory)
  const source = first.location?.lineText.trim().slice(0, 200)
  const lines = [
    `${place === undefined ? '' : `${place}: `}${first.text}`,
    ...(source === undefined || source === '' ? [] : [`    ${source}`]),
    ...(more > 0 ? [`and ${String(more)} more ${more === 1 ? 'error' : 'errors'}`] : []),
  ]
  return new MillraceError('MR_PROGRAM_BUILD_FAILED', lines.join('\n'), {
    details: { place, errors: failure.errors.length },
  })
}

/** `app.ts:3:14`, columns from 1. */
function placeOf(message: Message, workingDirectory: string): string | undefined {
  const { location } = message
  if (location === null) return undefined
  const path = location.file.startsWith('file:') ? fileURLToPath(location.file) : location.file
  const file = relative(workingDirectory, resolve(workingDirectory, path))
  const shown = file.startsWith('..') ? path : file === '' ? basename(path) : file
  return `${shown}:${String(location.line)}:${String(location.column + 1)}`
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors)
}

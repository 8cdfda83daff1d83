/** Bundles: what they hold, what stays outside, and what is said when they cannot be made. */
import { mkdir, readFile, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bundleProgram } from '../../src/daemon/bundle.ts'
import type { Bundle } from '../../src/daemon/bundle.ts'
import { pruneBundles } from '../../src/daemon/bundle-store.ts'
import { compiledModule } from '../../src/daemon/package-files.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'
import { withDirectory } from '../engine/directory-fixture.ts'

type Files = Record<string, string>

async function writeFiles(directory: string, files: Files): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(directory, path, '..'), { recursive: true })
    await writeFile(join(directory, path), text)
  }
}

async function bundled<T>(
  files: Files,
  work: (bundle: Bundle, directory: string) => Promise<T>,
): Promise<T> {
  return await withDirectory(async (directory) => {
    await writeFiles(directory, files)
    const bundle = await bundleIn(directory)
    return await work(bundle, directory)
  })
}

async function bundleIn(directory: string, program = 'app.ts'): Promise<Bundle> {
  const bundle = await bundleProgram(nodeFileSystem, {
    program,
    workingDirectory: directory,
    directory: join(directory, 'programs'),
  })
  await bundle.store()
  return bundle
}

/** The default export of a bundle. */
async function run(bundle: Bundle): Promise<unknown> {
  const module: unknown = await import(/* @vite-ignore */ bundle.url)
  return Reflect.get(Object(module), 'default')
}

async function refusal(files: Files, code = 'MR_PROGRAM_BUILD_FAILED'): Promise<string> {
  return await withDirectory(async (directory) => {
    await writeFiles(directory, files)
    const error: unknown = await bundleIn(directory).catch((e: unknown) => e)
    expect(error).toMatchObject({ code })
    expect(await readdir(directory)).not.toContain('programs')
    return error instanceof Error ? error.message : ''
  })
}

const CJS_PACKAGE: Files = {
  'node_modules/adder/package.json': '{"name": "adder", "version": "1.0.0", "main": "main.js"}',
  'node_modules/adder/main.js':
    "const { EOL } = require('os'); const more = require('./more'); " +
    'module.exports = { add: (a, b) => a + b + more, EOL }',
  'node_modules/adder/more.js': 'module.exports = 100',
}

describe('a bundle', () => {
  it('holds a TypeScript program with its modules and a CommonJS package', async () => {
    const files = {
      ...CJS_PACKAGE,
      'app.ts':
        "import { add, EOL } from 'adder'\nimport { two } from './two.ts'\n" +
        'const one: number = 1\nexport default [add(one, two), EOL]',
      'two.ts': 'export const two: number = 2',
    }
    await bundled(files, async (bundle, directory) => {
      expect(await run(bundle)).toEqual([103, '\n'])
      expect(await readdir(join(directory, 'programs'))).toEqual([`${bundle.digest}.mjs`])
      expect(bundle.digest).toMatch(/^[0-9a-f]{16}$/)
    })
  })

  it('is in no directory before it is stored', async () => {
    await withDirectory(async (directory) => {
      await writeFiles(directory, { 'app.ts': 'export default 1' })
      const parts = { program: 'app.ts', workingDirectory: directory }
      const bundle = await bundleProgram(nodeFileSystem, { ...parts, directory: `${directory}/p` })
      expect(await readdir(directory)).toEqual(['app.ts'])
      await bundle.store()
      expect(await readdir(`${directory}/p`)).toEqual([`${bundle.digest}.mjs`])
    })
  })

  it('is named by its content', async () => {
    await bundled({ 'app.ts': 'export default 1' }, async (first, directory) => {
      expect(await bundleIn(directory)).toMatchObject({ url: first.url, digest: first.digest })
      await writeFile(join(directory, 'app.ts'), 'export default 2')
      const second = await bundleIn(directory)
      expect(second.digest).not.toBe(first.digest)
      expect(await run(second)).toBe(2)
    })
  })

  it('leaves the framework outside, as one copy of it', async () => {
    const files = { 'app.ts': "import { seconds } from 'millrace'\nexport default seconds" }
    await bundled(files, async (bundle) => {
      const text = new TextDecoder().decode(
        await nodeFileSystem.readFile(new URL(bundle.url).pathname),
      )
      expect(text).toContain(compiledModule('src/index.js'))
      const framework: unknown = await import(/* @vite-ignore */ compiledModule('src/index.js'))
      expect(await run(bundle)).toBe(Reflect.get(Object(framework), 'seconds'))
    })
  })

  it('holds a CommonJS program, with the same one copy of the framework', async () => {
    const framework: unknown = await import(/* @vite-ignore */ compiledModule('src/index.js'))
    const seconds: unknown = Reflect.get(Object(framework), 'seconds')
    await withDirectory(async (directory) => {
      await writeFiles(directory, {
        'app.cjs':
          "const m = require('millrace')\nmodule.exports = [m.seconds, require('./esm.mjs')]",
        'esm.mjs': "export { seconds } from 'millrace'",
        'plain/package.json': '{"type": "commonjs"}',
        'plain/app.js': "const { seconds } = require('millrace')\nexports.found = seconds",
        'typed.cts': "import m = require('millrace')\nexport = m.seconds",
      })
      expect(await run(await bundleIn(directory, 'app.cjs'))).toEqual([seconds, { seconds }])
      expect(await run(await bundleIn(directory, 'plain/app.js'))).toEqual({ found: seconds })
      expect(await run(await bundleIn(directory, 'typed.cts'))).toBe(seconds)
    })
  })

  it('leaves packages with native addons outside, by their own place', async () => {
    const files: Files = {
      'node_modules/native/package.json':
        '{"name": "native", "main": "main.js", "dependencies": {"bindings": "1"}}',
      'node_modules/native/main.js': 'module.exports = { where: __filename }',
      'node_modules/uses-native/package.json': '{"name": "uses-native", "main": "main.js"}',
      'node_modules/uses-native/main.js': "module.exports = require('native').where",
      'app.ts':
        "import native from 'native'\nimport where from 'uses-native'\n" +
        'export default [native.where, where]',
    }
    await bundled(files, async (bundle, directory) => {
      const place = join(directory, 'node_modules/native/main.js')
      expect(await run(bundle)).toEqual([place, place])
    })
  })

  it('lets a program find its own files and make its own `require`', async () => {
    const files: Files = {
      'app.ts':
        "import { createRequire } from 'node:module'\nimport { fileURLToPath } from 'node:url'\n" +
        'const require = createRequire(import.meta.url)\n' +
        'const __filename = fileURLToPath(import.meta.url)\n' +
        "export default [__filename, require('./data.json').n]",
      'data.json': '{"n": 5}',
    }
    await bundled(files, async (bundle, directory) => {
      expect(await run(bundle)).toEqual([join(directory, 'app.ts'), 5])
    })
  })

  it('keeps the places of the source in its map', async () => {
    await bundled({ 'app.ts': 'export default 1' }, async (bundle) => {
      const text = await readFile(new URL(bundle.url), 'utf8')
      const map = /sourceMappingURL=data:application\/json;base64,(\S+)/.exec(text)?.[1] ?? ''
      const parsed: unknown = JSON.parse(Buffer.from(map, 'base64').toString())
      expect(parsed).toMatchObject({ sources: ['../app.ts'] })
    })
  })
})

describe('a program that cannot be bundled', () => {
  it('is refused with file, line and column, and the line itself', async () => {
    const message = await refusal({ 'app.ts': 'export default 1\nconst x = = 2\n' })
    expect(message).toMatch(/^app\.ts:2:11: /)
    expect(message).toContain('const x = = 2')
  })

  it('is refused where an import leads nowhere, counting further errors', async () => {
    const message = await refusal({ 'app.ts': "import 'no-such-package'\nimport './nothing.ts'\n" })
    expect(message).toMatch(/^app\.ts:\d:8: Could not resolve/)
    expect(message).toContain('and 1 more error')
  })

  it('is refused where it asks for a part of the framework that is not there', async () => {
    const message = await refusal({ 'app.ts': "import 'millrace/engine'" })
    expect(message).toContain("'millrace/engine' does not exist")
  })

  it('is refused when it is not there', async () => {
    expect(await refusal({ 'other.ts': '' }, 'MR_PROGRAM_INVALID')).toContain('app.ts')
  })
})

describe('kept bundles', () => {
  it('are bounded: the oldest go, the current one and other files stay', async () => {
    await withDirectory(async (directory) => {
      for (let n = 0; n < 20; n++) {
        const path = join(directory, `${n.toString(16).padStart(16, '0')}.mjs`)
        await writeFile(path, '')
        await utimes(path, n + 1, n + 1)
      }
      await writeFile(join(directory, 'README'), '')
      const current = { url: '', bytes: 0, digest: '0'.repeat(16) }
      await pruneBundles(nodeFileSystem, directory, current)
      const names = await readdir(directory)
      expect(names).toHaveLength(17)
      expect(names).toContain(`${current.digest}.mjs`)
      expect(names).not.toContain('0000000000000001.mjs')
      expect(names).toContain('README')
    })
  })
})

/** A program is the same wherever it lies, whatever its comments say. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { bundleProgram } from '../../src/daemon/bundle.ts'
import { programIdentity } from '../../src/daemon/program-identity.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'

const made: string[] = []

afterEach(async () => {
  for (const directory of made.splice(0)) await rm(directory, { recursive: true })
})

const SOURCE = `import { helper } from './lib/helper.ts'
export const here = import.meta.url
export const value: number = helper(1)
`

async function identityOf(source: string, depth = '', kept = 'data/programs'): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'millrace-identity-'))
  made.push(root)
  const directory = join(root, depth)
  await mkdir(join(directory, 'lib'), { recursive: true })
  await writeFile(join(directory, 'app.ts'), source)
  await writeFile(join(directory, 'lib/helper.ts'), 'export const helper = (n: number) => n + 1\n')
  const bundle = await bundleProgram(nodeFileSystem, {
    program: join(depth, 'app.ts'),
    workingDirectory: root,
    directory: join(root, kept),
  })
  return bundle.code
}

describe('the identity of a program', () => {
  it('is the same from another directory, and for another data directory', async () => {
    const one = await identityOf(SOURCE)
    expect(await identityOf(SOURCE, 'deep/er')).toBe(one)
    expect(await identityOf(SOURCE, '', 'x/y/z/programs')).toBe(one)
  })

  it('is not changed by comments, and is by code', async () => {
    const one = await identityOf(SOURCE)
    expect(await identityOf(`// a comment\n${SOURCE}/* another */`)).toBe(one)
    expect(await identityOf(SOURCE.replace('helper(1)', 'helper(2)'))).not.toBe(one)
  })

  it('leaves the source map out', () => {
    const map = '//# sourceMappingURL=data:application/json;base64,e30='
    expect(programIdentity(`a()\n${map}`, '/d/app.ts')).toBe(programIdentity('a()\n', '/e/app.ts'))
  })
})

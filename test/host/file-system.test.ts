/** Both file systems keep the contract. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'
import { fileSystemContract } from './file-system-contract.ts'

fileSystemContract('the real disk', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-fs-'))
  return Promise.resolve({
    fs: nodeFileSystem,
    directory,
    dispose: () => {
      rmSync(directory, { recursive: true })
      return Promise.resolve()
    },
  })
})

fileSystemContract('memory', async () => {
  const fs = new MemoryFileSystem()
  await fs.makeDirectory('/files')
  return { fs, directory: '/files', dispose: () => Promise.resolve() }
})

/** `millrace restore`: a data directory made of a backup, where there was none. */
import { resolve } from 'node:path'
import { restoreBackup } from '../engine/backup/restore.ts'
import type { Host } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'
import { batchWords } from './backup.ts'
import { EXIT } from './exit-codes.ts'
import { progressOn } from './progress.ts'

export interface RestoreCommand {
  readonly backup: string
  readonly target: string
  readonly json: boolean
}

export async function restore(shell: Shell, host: Host, options: RestoreCommand): Promise<number> {
  const backup = resolve(shell.workingDirectory, options.backup)
  const target = resolve(shell.workingDirectory, options.target)
  const progress = progressOn(shell.err)
  try {
    const { manifest, staged } = await restoreBackup(host, {
      backup,
      target,
      onProgress: (done, total) => {
        progress.step('comparing and copying', done, total)
      },
    })
    progress.end()
    const { application, commit, files, id, log, takenAt } = manifest
    const words = [
      `${target}: restored, every digest is right`,
      `  application    ${application} (id ${id})`,
      `  goes on from   commit ${String(commit.number)} (${batchWords(commit.batchTime)}), ` +
        `and the log up to position ${String(log.end)}, as of ${takenAt}`,
      ...staged.map((file) => `  staged file    ${file}`),
      '',
    ]
    const facts = { ok: true, target, application, id, takenAt, commit, log }
    const json = JSON.stringify({ ...facts, files: files.length, staged }, null, 2)
    shell.out.write(options.json ? `${json}\n` : words.join('\n'))
    return EXIT.ok
  } finally {
    progress.end()
  }
}

/**
 * `millrace verify`: reads every byte of log, stores and staged files, says what it means, mends
 * nothing.
 */
import type { Host } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'
import { withOwnedDirectory } from './closed-directory.ts'
import { reportDirectory } from './directory-report.ts'
import { EXIT } from './exit-codes.ts'
import { progressOn } from './progress.ts'
import { findingLines, reportJson, reportLines } from './report-text.ts'

export async function verify(
  shell: Shell,
  host: Host,
  options: { readonly directory: string; readonly json: boolean },
): Promise<number> {
  const progress = progressOn(shell.err)
  const report = await withOwnedDirectory(
    shell,
    host,
    options.directory,
    async (directory, reading) => {
      try {
        return await reportDirectory(reading, directory, progress.step)
      } finally {
        progress.end()
      }
    },
  )
  const whole = report.problems.length === 0
  const verdict = whole
    ? 'verified: every byte is as it was written'
    : `damaged: ${String(report.problems.length)} problems; nothing was changed`
  const means = report.meaning.map((sentence) => `  means          ${sentence}`)
  shell.out.write(
    options.json
      ? `${JSON.stringify({ ok: whole, ...reportJson(report) }, null, 2)}\n`
      : [...reportLines(report), ...findingLines(report), ...means, verdict, ''].join('\n'),
  )
  return whole ? EXIT.ok : EXIT.damage
}

/**
 * Compiles the package once before the tests: executors, receiver processes and the log's thread
 * run `dist`. Incremental, so an unchanged tree costs about a second. Type errors are `npm run
 * typecheck`'s to report; here they only matter when nothing could be emitted.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const TIME_LIMIT_MS = 180_000

export default function build(): void {
  const compiler = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))
  const result = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: root,
    encoding: 'utf8',
    timeout: TIME_LIMIT_MS,
  })
  if (result.error !== undefined) throw result.error
  if (result.status === 0) return
  const errors = result.stdout.split('\n').filter((line) => line.includes('error TS'))
  process.stderr.write(`build: ${String(errors.length)} type errors, first: ${errors[0] ?? ''}\n`)
  if (!existsSync(`${root}dist/src`)) throw new Error(`nothing was built:\n${result.stdout}`)
}

import { execFile, execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const LIMIT_MS = 240_000

const chaos = async (...args: readonly string[]): Promise<string> => {
  const main = `${ROOT}dist/chaos/kill/main.js`
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], {
    timeout: LIMIT_MS,
    killSignal: 'SIGTERM',
  })
  return stdout
}

describe('chaos:kill', () => {
  it(
    'kills the real daemon a few times, and every record still counts once',
    async () => {
      const text = await chaos('--cycles', '3', '--seed', '1')
      expect(text).toMatch(/^kills 3, without occasion 0$/m)
      expect(text).toMatch(/^lost 0\ndoubled 0\noutput and state differ 0\nnever sent 0\npassed$/m)
    },
    LIMIT_MS,
  )
})

describe('the seeded defects', () => {
  const patches = readdirSync(`${ROOT}chaos/defects`).filter((name) => name.endsWith('.patch'))
  it.each(patches)('%s still fits the sources', (name) => {
    const args = ['apply', '--check', '-C1', `chaos/defects/${name}`]
    expect(execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' })).toBe('')
  })
})

/** The link of a supervised process to its parent, with real processes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { compiledModule } from '../../src/daemon/package-files.ts'

/** Waits until its parent is surely gone, then asks to be told when that happens. */
const CHILD = `
const [, url, how] = process.argv
const until = Date.now() + 400
if (how === 'blocked') while (Date.now() < until);
else await new Promise((resolve) => setTimeout(resolve, 400))
const { nodeShell } = await import(url)
nodeShell('').supervisor.onGone(() => { console.log('gone'); process.exit() })
setTimeout(() => { console.log('alone'); process.exit() }, 5000)
`
/** Starts it and is killed by itself at once. */
const PARENT = `
const { spawn } = require('node:child_process')
const [, ...args] = process.argv
spawn(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(CHILD)}, '--', ...args],
  { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true })
setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100)
`

async function heard(how: 'blocked' | 'turning'): Promise<string> {
  const args = ['-e', PARENT, '--', compiledModule('src/host/node-shell.js'), how]
  const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  parent.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()))
  parent.stderr.on('data', (bytes: Buffer) => (out += bytes.toString()))
  await once(parent, 'close')
  return out.trim()
}

describe('a supervised process', () => {
  it('is told of a parent that ended before it asked, whether that was seen or not', async () => {
    expect(await Promise.all([heard('blocked'), heard('turning')])).toEqual(['gone', 'gone'])
  })
})

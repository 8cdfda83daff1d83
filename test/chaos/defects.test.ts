/** The seeded defects follow the sources: each patch still applies. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { KILLED } from '../../chaos/defects/killed.ts'
import { SIMULATED } from '../../chaos/defects/simulated.ts'

const patches = [
  ...KILLED.map(({ name }) => `${name}.patch`),
  ...SIMULATED.map(({ name }) => `sim/${name}.patch`),
]

it.each(patches)('%s applies', (patch) => {
  const { status, stderr } = spawnSync('git', ['apply', '--check', '-C1', `chaos/defects/${patch}`])
  expect(status, stderr.toString()).toBe(0)
})

it('has a use for every patch', () => {
  const there = readdirSync('chaos/defects', { recursive: true }).map(String)
  expect(there.filter((name) => name.endsWith('.patch')).sort()).toEqual(patches.sort())
})

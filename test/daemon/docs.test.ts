/** Pages that must say what the code says: settings, exit codes, metrics, the version. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { LABELLED, SAMPLES } from '../../src/admin/metric-table.ts'
import { EXIT } from '../../src/daemon/exit-codes.ts'
import { SETTING_LIST } from '../../src/daemon/settings.ts'
import { VERSION } from '../../src/daemon/version.ts'
import { settingRow } from './settings-table.ts'

const page = (path: string): Promise<string> =>
  readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

const rowsOf = (text: string, first: RegExp): string[] =>
  text.split('\n').filter((line) => first.test(line))

describe('docs/configuration.md', () => {
  it('has one row for each setting, made from the table of settings', async () => {
    const rows = rowsOf(await page('docs/configuration.md'), /^\| `[a-zA-Z.]+` \| `--/)
    expect(rows).toEqual(SETTING_LIST.map(settingRow))
  })
})

describe('docs/operations.md', () => {
  it('explains every exit code and no other', async () => {
    const rows = rowsOf(await page('docs/operations.md'), /^\| \d+ \|/)
    const codes = rows.map((row) => Number(/\d+/.exec(row)?.[0]))
    expect(codes).toEqual(Object.values(EXIT))
  })

  it('names every metric', async () => {
    const text = await page('docs/operations.md')
    for (const { name } of [...SAMPLES, ...LABELLED]) expect(text).toContain(`\`${name}\``)
  })
})

describe('the version', () => {
  it('is that of the package', async () => {
    expect(JSON.parse(await page('package.json'))).toMatchObject({ version: VERSION })
  })
})

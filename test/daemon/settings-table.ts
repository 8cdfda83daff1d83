/** A setting as its row in `docs/configuration.md`. */
import { defaultText } from '../../src/daemon/setting-options.ts'
import { choicesOf } from '../../src/daemon/setting-value.ts'
import type { Setting } from '../../src/daemon/settings.ts'

export function settingRow(setting: Setting): string {
  const { key, flag, variable, description } = setting
  const choices = choicesOf(setting)
    ?.map((choice) => `\`${choice}\``)
    .join(', ')
  const byDefault = key === 'executors' ? 'processors' : `\`${defaultText(setting)}\``
  const among = choices === undefined ? '' : ` One of ${choices}.`
  return `| \`${key}\` | \`${flag}\` | \`${variable}\` | ${byDefault} | ${description}${among} |`
}

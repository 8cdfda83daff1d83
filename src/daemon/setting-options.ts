/** The table of settings as options of a command, and the configuration that comes of them. */
import { Command, Option } from 'commander'
import type { Host } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'
import { collectTexts } from './collect-texts.ts'
import { loadConfig } from './config.ts'
import type { Config } from './config.ts'
import { SETTING_LIST } from './settings.ts'
import type { Setting } from './settings.ts'
import { choicesOf } from './setting-value.ts'
import { formatBytes } from './units.ts'
import { formatDuration } from '../base/time.ts'

const PLACEHOLDER = { text: '<text>', count: '<n>', bytes: '<size>', ms: '<time>' } as const

export function addSettingOptions(command: Command): Command {
  command
    .option(
      '--config <file>',
      'configuration file (default: millrace.config.json where there is one)',
    )
    .option('-p, --param <name=value>', 'a parameter of the program; may be repeated', collectTexts)
  for (const setting of SETTING_LIST) {
    const option = new Option(`${setting.flag} ${PLACEHOLDER[setting.unit]}`, helpOf(setting))
    command.addOption(option)
  }
  return command
}

function helpOf(setting: Setting): string {
  const choices = choicesOf(setting)
  const among = choices === undefined ? '' : ` One of ${choices.join(', ')}.`
  const { key } = setting
  const byDefault = key === 'executors' ? '' : ` (default: ${defaultText(setting)})`
  return `${setting.description}${among}${byDefault}`
}

/** `4 GiB`, `30 s`, `./millrace-data` */
export function defaultText({ byDefault, unit }: Setting): string {
  if (typeof byDefault === 'string') return byDefault
  if (unit === 'bytes') return formatBytes(byDefault)
  return unit === 'ms' ? formatDuration(byDefault) : String(byDefault)
}

export async function configOf(command: Command, shell: Shell, host: Host): Promise<Config> {
  const flags: Record<string, string> = {}
  for (const setting of SETTING_LIST) {
    const value: unknown = command.getOptionValue(attributeOf(setting))
    if (typeof value === 'string') flags[setting.key] = value
  }
  const params: unknown = command.getOptionValue('param')
  const file: unknown = command.getOptionValue('config')
  return await loadConfig(host.fs, {
    workingDirectory: shell.workingDirectory,
    processors: shell.processors,
    environment: shell.environment,
    flags,
    params: Array.isArray(params) ? params.map(String) : [],
    file: typeof file === 'string' ? file : undefined,
  })
}

/** The name under which the option parser keeps a flag: `--admin-port` → `adminPort`. */
const attributeOf = ({ flag }: Setting): string => new Option(flag).attributeName()

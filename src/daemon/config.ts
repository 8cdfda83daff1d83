/**
 * Where settings come from: flag > environment > file > default, setting by setting. Whatever is
 * not a setting, or not a right value of one, is `MR_CONFIG_INVALID` with the place it stands at
 * and the nearest right name: nothing is ignored.
 */
import { dirname, resolve } from 'node:path'
import { Value } from '@sinclair/typebox/value'
import { assert } from '../base/assert.ts'
import type { FileSystem } from '../host/host.ts'
import { emptyLayers, readConfigFile } from './config-file.ts'
import type { Layer, Layers } from './config-file.ts'
import { SETTINGS, SETTING_LIST, defaultExecutors } from './settings.ts'
import type { Settings } from './settings.ts'
import { hint, invalid, isRecord, readText } from './setting-value.ts'

export interface ConfigSources {
  readonly workingDirectory: string
  readonly processors: number
  readonly environment: Readonly<Record<string, string | undefined>>
  /** `admin.port` → text, as given on the command line. */
  readonly flags: Readonly<Record<string, string>>
  /** `host=example.org`, as given with `--param`. */
  readonly params: readonly string[]
  /** `--config` */
  readonly file: string | undefined
}

export interface Config {
  /** `dataDir` is absolute. */
  readonly settings: Settings
  /** The program's parameters as text; the program's own defaults give them types. */
  readonly params: Readonly<Record<string, string>>
  /** The configuration file that was read. */
  readonly file: string | undefined
}

/** A relative `dataDir` is relative to the file that says it, else to the working directory. */
export async function loadConfig(
  fs: Pick<FileSystem, 'readFile' | 'stat'>,
  sources: ConfigSources,
): Promise<Config> {
  const named = sources.file ?? sources.environment['MILLRACE_CONFIG']
  const file = await readConfigFile(fs, sources.workingDirectory, named)
  const environment = fromEnvironment(sources.environment)
  const flags = fromFlags(sources)
  const merged = new Map<string, string | number>([
    ...SETTING_LIST.map(({ key, byDefault }) => [key, byDefault] as const),
    ['executors', defaultExecutors(sources.processors)],
    ...file.settings,
    ...environment.settings,
    ...flags.settings,
  ])
  const fileSaysIt = [flags, environment, file].find((l) => l.settings.has('dataDir')) === file
  const base = fileSaysIt && file.path ? dirname(file.path) : sources.workingDirectory
  merged.set('dataDir', resolve(base, String(merged.get('dataDir'))))
  return {
    settings: assemble(merged),
    params: Object.fromEntries([...file.params, ...environment.params, ...flags.params]),
    file: file.path,
  }
}

function assemble(merged: Layer): Settings {
  const root: Record<string, unknown> = {}
  for (const { path, key } of SETTING_LIST) {
    let group = root
    for (const part of path.slice(0, -1)) {
      const inner = group[part] ?? (group[part] = {})
      assert(isRecord(inner), `${key} lies in a group`)
      group = inner
    }
    group[path.at(-1) ?? key] = merged.get(key)
  }
  assert(Value.Check(SETTINGS, root), 'each setting was checked by itself')
  refuseContradictions(root)
  return root
}

function refuseContradictions(settings: Settings): void {
  if (settings.logQuotaBytes < 2 * settings.segmentBytes) {
    throw invalid(
      `logQuotaBytes (${String(settings.logQuotaBytes)}) must be at least twice segmentBytes ` +
        `(${String(settings.segmentBytes)}): space is given back by whole segments`,
    )
  }
  const { backoffMinMs, backoffMaxMs } = settings.supervise
  if (backoffMinMs > backoffMaxMs) {
    throw invalid(
      `supervise.backoffMinMs (${String(backoffMinMs)}) is above ` +
        `supervise.backoffMaxMs (${String(backoffMaxMs)})`,
    )
  }
}

function fromFlags({ flags, params }: ConfigSources): Layers {
  const layers = emptyLayers()
  for (const setting of SETTING_LIST) {
    const value = flags[setting.key]
    if (value !== undefined) {
      layers.settings.set(setting.key, readText(setting, value, setting.flag))
    }
  }
  for (const param of params) {
    const equals = param.indexOf('=')
    if (equals < 1) throw invalid(`--param ${param}: write --param name=value`)
    layers.params.set(param.slice(0, equals), param.slice(equals + 1))
  }
  return layers
}

const PARAM_PREFIX = 'MILLRACE_PARAM_'
/**
 * Not settings: ours between processes, and what Kubernetes sets for a service that is called
 * `millrace`.
 */
const NOT_SETTINGS =
  /^MILLRACE_(CONFIG|PARENT_PID|SCRATCH|SERVICE_(HOST|PORT)(_.*)?|PORT(_\d+_.*)?)$/

function fromEnvironment(environment: ConfigSources['environment']): Layers {
  const layers = emptyLayers()
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('MILLRACE_') || value === undefined || NOT_SETTINGS.test(name)) continue
    if (name.startsWith(PARAM_PREFIX)) {
      layers.params.set(camelCase(name.slice(PARAM_PREFIX.length)), value)
      continue
    }
    const setting = SETTING_LIST.find(({ variable }) => variable === name)
    if (setting === undefined) {
      const right = SETTING_LIST.map(({ variable }) => variable)
      throw invalid(`the environment variable ${name} is not a setting${hint(name, right)}`)
    }
    layers.settings.set(setting.key, readText(setting, value, name))
  }
  return layers
}

/** `BATCH_SIZE` → `batchSize` */
const camelCase = (name: string): string =>
  name.toLowerCase().replaceAll(/_+(.)/g, (_, letter: string) => letter.toUpperCase())

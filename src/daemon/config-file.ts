/**
 * The configuration file: JSON, nested as the settings are (`{"admin": {"port": 4041}, "params":
 * {"host": "…"}}`).
 */
import { resolve } from 'node:path'
import { utf8Text } from '../base/bytes.ts'
import { messageOf } from '../base/errors.ts'
import type { FileSystem } from '../host/host.ts'
import { SETTING_LIST } from './settings.ts'
import { hint, invalid, isRecord, readJson } from './setting-value.ts'

const CONFIG_FILE = 'millrace.config.json'

export type Layer = Map<string, string | number>
/** What one source says: settings by key, parameters of the program by name. */
export interface Layers {
  readonly settings: Layer
  readonly params: Map<string, string>
}

export const emptyLayers = (): Layers => ({ settings: new Map(), params: new Map() })

/**
 * `named`: the file asked for by name, which must exist; else `millrace.config.json` where there is
 * one.
 */
export async function readConfigFile(
  fs: Pick<FileSystem, 'readFile' | 'stat'>,
  workingDirectory: string,
  named: string | undefined,
): Promise<Layers & { readonly path: string | undefined }> {
  const path = resolve(workingDirectory, named ?? CONFIG_FILE)
  const layers = emptyLayers()
  if ((await fs.stat(path)) === undefined) {
    if (named === undefined) return { ...layers, path: undefined }
    throw invalid(`there is no configuration file ${path}`)
  }
  let content: unknown
  try {
    content = JSON.parse(utf8Text(await fs.readFile(path)))
  } catch (error) {
    throw invalid(`${path} cannot be read: ${messageOf(error)}`, error)
  }
  if (!isRecord(content)) throw invalid(`${path} must hold an object`)
  const { params, ...settings } = content
  readGroup(settings, [], path, layers.settings)
  readParams(params, path, layers.params)
  return { ...layers, path }
}

function readGroup(
  group: Readonly<Record<string, unknown>>,
  path: readonly string[],
  file: string,
  layer: Layer,
): void {
  for (const [name, value] of Object.entries(group)) {
    const here = [...path, name]
    const key = here.join('.')
    const setting = SETTING_LIST.find((candidate) => candidate.key === key)
    if (setting !== undefined) {
      layer.set(key, readJson(setting, value, `${file}: ${key}`))
    } else if (isRecord(value) && SETTING_LIST.some(({ key: k }) => k.startsWith(`${key}.`))) {
      readGroup(value, here, file, layer)
    } else {
      const right = SETTING_LIST.flatMap((candidate) => [candidate.key, candidate.path[0] ?? ''])
      throw invalid(`${file}: '${key}' is not a setting${hint(key, ['params', ...right])}`)
    }
  }
}

function readParams(params: unknown, file: string, layer: Map<string, string>): void {
  if (params === undefined) return
  if (!isRecord(params)) throw invalid(`${file}: params must be an object`)
  for (const [name, value] of Object.entries(params)) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw invalid(`${file}: params.${name} must be a string, a number or a boolean`)
    }
    layer.set(name, String(value))
  }
}

/**
 * `millrace backup`: a consistent copy of a data directory. A running server is asked to make it; a
 * directory nobody runs on is copied by this process, as its owner.
 */
import { resolve } from 'node:path'
import { isMillraceError, MillraceError } from '../base/errors.ts'
import { withStoppedSource } from '../engine/backup/stopped.ts'
import type { Manifest } from '../engine/backup/manifest.ts'
import { writeBackup, type BackupStep } from '../engine/backup/write-backup.ts'
import { readManifest } from '../engine/backup/restore.ts'
import { readIdentity } from '../engine/identity.ts'
import { announcedOwner } from '../engine/ownership.ts'
import type { Host } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'
import { askForBackup } from './admin-client.ts'
import { withOwnedDirectory } from './closed-directory.ts'
import { EXIT } from './exit-codes.ts'
import { progressOn, type Progress } from './progress.ts'
import { formatBytes } from './units.ts'

export interface BackupCommand {
  readonly directory: string
  readonly target: string
  readonly json: boolean
}

const STEPS: Readonly<Record<BackupStep, string>> = {
  waiting: 'waiting for a commit boundary',
  log: 'copying the log',
  checkpoint: 'copying the checkpoint',
  verifying: 'reading the copy of the log',
  done: 'done',
}

export async function backup(shell: Shell, host: Host, options: BackupCommand): Promise<number> {
  const target = resolve(shell.workingDirectory, options.target)
  const progress = progressOn(shell.err)
  let manifest: Manifest
  try {
    manifest = await withOwnedDirectory(shell, host, options.directory, (directory) =>
      withStoppedSource(host, directory, (source) =>
        writeBackup(host, source, {
          target,
          onProgress: ({ step, done, total }) => {
            progress.step(STEPS[step], done, total)
          },
        }),
      ),
    )
  } catch (error) {
    if (!isMillraceError(error, 'MR_DIRECTORY_OWNED')) throw error
    manifest = await askServer(shell, host, { ...options, target }, progress, error)
  } finally {
    progress.end()
  }
  shell.out.write(options.json ? json(target, manifest) : words(target, manifest))
  return EXIT.ok
}

async function askServer(
  shell: Shell,
  host: Host,
  { directory: given, target }: BackupCommand,
  progress: Progress,
  owned: MillraceError,
): Promise<Manifest> {
  const directory = resolve(shell.workingDirectory, given)
  const owner = await announcedOwner(host, directory)
  if (owner?.adminUrl === undefined) {
    throw new MillraceError(
      'MR_ADMIN_UNREACHABLE',
      `${owned.message}; it announced no admin API that could make the backup`,
      { cause: owned },
    )
  }
  const { id } = await readIdentity(host.fs, directory)
  await askForBackup(host, owner.adminUrl, { target, id }, ({ step, done, total }) => {
    const name = Object.entries(STEPS).find(([key]) => key === step)?.[1]
    if (name !== undefined) progress.step(name, Number(done), Number(total))
  })
  return await readManifest(host.fs, target)
}

const sizeOf = ({ files }: Manifest): number => files.reduce((sum, { bytes }) => sum + bytes, 0)

export function batchWords(batchTime: number): string {
  return batchTime === 0 ? 'no batch yet' : `batches up to ${new Date(batchTime).toISOString()}`
}

function words(target: string, manifest: Manifest): string {
  const { application, commit, files, live, log, staged } = manifest
  const how = live ? 'beside the running server' : 'of a stopped directory'
  return [
    `${target}: complete`,
    `  application    ${application} (id ${manifest.id})`,
    `  holds          commit ${String(commit.number)} (${batchWords(commit.batchTime)}), ` +
      `and the log up to position ${String(log.end)}`,
    `  taken          ${manifest.takenAt}, ${how}`,
    `  size           ${String(files.length)} files, ${formatBytes(sizeOf(manifest))}`,
    ...(staged.length === 0 ? [] : [`  staged         ${String(staged.length)} unpublished files`]),
    `  restore with   millrace restore ${target} --to DIR`,
    '',
  ].join('\n')
}

function json(target: string, manifest: Manifest): string {
  const { files, staged, ...rest } = manifest
  const sizes = { files: files.length, bytes: sizeOf(manifest), staged: staged.length }
  return `${JSON.stringify({ ok: true, target, ...rest, ...sizes }, null, 2)}\n`
}

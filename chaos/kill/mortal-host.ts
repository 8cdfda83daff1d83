/**
 * The real host with every effect labelled and shown to the reaper, which may end the process
 * before, halfway or after it. The daemon on it is the one that is shipped; nothing in it knows
 * of this.
 *
 * Labels: `<owner>.<verb>` for files (`labels.ts`), `log.<record>` for groups of the log,
 * `store.open`, `store.batch`, `executor.spawn`, `executor.send`, `executor.message`.
 */
import type {
  Appender,
  Channel,
  FileSystem,
  Host,
  Processes,
  WritableFile,
} from '../../src/host/host.ts'
import { labelsOfGroup, ownerOf, type Places } from './labels.ts'
import { mortalStores } from './mortal-stores.ts'
import type { StoreOrder } from './plan.ts'
import type { Reaper } from './reaper.ts'

export interface MortalOptions extends Places {
  readonly reaper: Reaper
  readonly order: StoreOrder
  /** A child was started. */
  readonly onSpawn: (pid: number) => void
}

export function mortalHost(host: Host, options: MortalOptions): Host {
  return {
    ...host,
    fs: mortalFiles(host.fs, options),
    stores: mortalStores(host.stores, options.reaper, options.order),
    processes: mortalProcesses(host.processes, options),
  }
}

function mortalFiles(fs: FileSystem, { reaper, ...places }: MortalOptions): FileSystem {
  const label = (path: string, verb: string): [string] => [`${ownerOf(path, places)}.${verb}`]
  const open = (path: string, file: WritableFile): WritableFile => ({
    write: (position, bytes) =>
      reaper.around(label(path, 'write'), () => file.write(position, bytes)),
    sync: () => reaper.around(label(path, 'sync'), () => file.sync()),
    truncate: (length) => reaper.around(label(path, 'truncate'), () => file.truncate(length)),
    close: () => file.close(),
  })
  return {
    ...fs,
    create: async (path) =>
      open(path, await reaper.around(label(path, 'create'), () => fs.create(path))),
    openWrite: async (path) => open(path, await fs.openWrite(path)),
    writeFileDurably: (path, bytes) =>
      reaper.around(label(path, 'write-durably'), () => fs.writeFileDurably(path, bytes)),
    rename: (from, to) => reaper.around(label(to, 'rename'), () => fs.rename(from, to)),
    unlink: (path) => reaper.around(label(path, 'unlink'), () => fs.unlink(path)),
    remove: (path) => reaper.around(label(path, 'remove'), () => fs.remove(path)),
    makeDirectory: (path) =>
      reaper.around(label(path, 'make-directory'), () => fs.makeDirectory(path)),
    syncDirectory: (path) =>
      reaper.around(label(path, 'sync-directory'), () => fs.syncDirectory(path)),
    openAppender: async () => mortalAppender(await fs.openAppender(), reaper),
  }
}

function mortalAppender(appender: Appender, reaper: Reaper): Appender {
  return {
    open: (path) => reaper.around(['log.open'], () => appender.open(path)),
    append: (file, position, bytes, sync) =>
      reaper.around(
        labelsOfGroup(bytes),
        () => appender.append(file, position, bytes, sync),
        () => appender.append(file, position, bytes.subarray(0, bytes.length >> 1), false),
      ),
    sync: (file) => reaper.around(['log.sync'], () => appender.sync(file)),
    closeFile: (file) => appender.closeFile(file),
    close: () => appender.close(),
  }
}

function mortalProcesses(processes: Processes, { reaper, onSpawn }: MortalOptions): Processes {
  return {
    ...processes,
    spawn(options) {
      const child = reaper.instant('executor.spawn', () => {
        const spawned = processes.spawn(options)
        onSpawn(spawned.pid)
        return spawned
      })
      return { ...child, channel: mortalChannel(child.channel, reaper) }
    },
  }
}

function mortalChannel(channel: Channel, reaper: Reaper): Channel {
  return {
    get queuedBytes() {
      return channel.queuedBytes
    },
    send(message) {
      reaper.instant('executor.send', () => {
        channel.send(message)
      })
    },
    onMessage(f) {
      channel.onMessage((message) => {
        reaper.instant('executor.message', () => {
          f(message)
        })
      })
    },
    onClose(f) {
      channel.onClose(f)
    },
    close() {
      channel.close()
    },
  }
}

/**
 * A disk that loses what was not synced. Content survives a power loss by whole sectors, in any
 * choice; changes of names since the last sync of their directory survive in any choice. It sits on
 * the memory file system and shares no code with the log.
 */
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import type { Appender, FileSystem, WritableFile } from '../../src/host/host.ts'

const SECTOR = 512

interface Node {
  /** What a power loss certainly leaves. */
  durable: Uint8Array
  current: Uint8Array
}

export class PowerLossDisk {
  readonly #names = new Map<string, Node>()
  #durableNames = new Map<string, Node>()
  /** Changes of names since the last sync of the directory: each survives or not, by itself. */
  #pending: ((names: Map<string, Node>) => void)[] = []
  /** Called before each effect; may throw to stop the world there. */
  readonly #before: () => void

  constructor(before: () => void) {
    this.#before = before
  }

  /** Over a memory file system that holds the live state. */
  over(live: MemoryFileSystem): FileSystem {
    return new Proxy<FileSystem>(live, {
      get: (target, name, receiver): unknown => {
        const own = this.#effects(live)[name as keyof FileSystem]
        if (own !== undefined) return own
        const value: unknown = Reflect.get(target, name, receiver)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  }

  #node(path: string): Node {
    const node = this.#names.get(path)
    if (node === undefined) throw new Error(`no such file: ${path}`)
    return node
  }

  #rename(change: (names: Map<string, Node>) => void): void {
    change(this.#names)
    this.#pending.push(change)
  }

  #write(node: Node, position: number, bytes: Uint8Array): void {
    const grown = new Uint8Array(Math.max(node.current.length, position + bytes.length))
    grown.set(node.current)
    grown.set(bytes, position)
    node.current = grown
  }

  #effects(live: MemoryFileSystem): Partial<FileSystem> {
    const before = this.#before
    const file = (of: WritableFile, node: Node): WritableFile => ({
      write: async (position, bytes) => {
        before()
        this.#write(node, position, bytes)
        await of.write(position, bytes)
      },
      sync: () => {
        before()
        node.durable = node.current
        return Promise.resolve()
      },
      truncate: async (length) => {
        before()
        const cut = new Uint8Array(length)
        cut.set(node.current.subarray(0, length))
        node.current = cut
        await of.truncate(length)
      },
      close: () => of.close(),
    })
    return {
      create: async (path) => {
        before()
        const node = { durable: new Uint8Array(), current: new Uint8Array() }
        this.#rename((names) => names.set(path, node))
        return file(await live.create(path), node)
      },
      rename: async (from, to) => {
        before()
        const node = this.#node(from)
        this.#rename((names) => {
          names.delete(from)
          names.set(to, node)
        })
        await live.rename(from, to)
      },
      unlink: async (path) => {
        before()
        this.#rename((names) => names.delete(path))
        await live.unlink(path)
      },
      syncDirectory: (path) => {
        before()
        if (path !== '/data') {
          this.#durableNames = new Map(this.#names)
          this.#pending = []
        }
        return Promise.resolve()
      },
      openAppender: async () => this.#appender(await live.openAppender()),
    }
  }

  #appender(of: Appender): Appender {
    const nodes = new Map<number, Node>()
    const node = (at: number): Node => nodes.get(at) ?? { durable: NONE, current: NONE }
    const sync = (at: number): void => {
      this.#before()
      node(at).durable = node(at).current
    }
    return {
      open: async (path) => {
        const at = await of.open(path)
        nodes.set(at, this.#node(path))
        return at
      },
      append: async (at, position, bytes, withSync) => {
        this.#before()
        this.#write(node(at), position, bytes)
        const given = await of.append(at, position, bytes, false)
        if (withSync) sync(at)
        return given
      },
      sync: (at) => {
        sync(at)
        return Promise.resolve()
      },
      closeFile: (at) => of.closeFile(at),
      close: () => of.close(),
    }
  }

  /** The disk after a power loss: any choice of dirty sectors, any choice of changed names. */
  async afterLoss(random: () => number): Promise<MemoryFileSystem> {
    const survivor = new MemoryFileSystem()
    await survivor.makeDirectory('/data/log')
    const names = new Map(this.#durableNames)
    for (const change of this.#pending) if (random() < 0.5) change(names)
    for (const [path, node] of names) {
      await survivor.writeFileDurably(path, torn(node, random))
    }
    return survivor
  }
}

const NONE = new Uint8Array()

function torn({ durable, current }: Node, random: () => number): Uint8Array {
  const keepLength = random() < 0.5
  const bytes = new Uint8Array(keepLength ? current.length : durable.length)
  bytes.set(durable.subarray(0, bytes.length))
  const share = random()
  for (let at = 0; at < bytes.length; at += SECTOR) {
    if (random() < share) bytes.set(current.subarray(at, Math.min(at + SECTOR, bytes.length)), at)
  }
  return bytes
}

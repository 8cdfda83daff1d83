/**
 * The one seam to the machine. Engine, log, checkpoint, receivers and executors reach clock, disk,
 * network, other processes and LevelDB only through a `Host`; `node-*.ts` in this folder are the
 * only files that import `node:fs`, `node:net`, `node:child_process`, `node:worker_threads`, timers
 * or a source of chance. Each method says what survives a crash, because a simulated host has to
 * agree with the real one about exactly that.
 */

export interface Host {
  readonly clock: Clock
  readonly fs: FileSystem
  readonly net: Network
  readonly random: Random
  readonly processes: Processes
  readonly stores: Stores
  /** Absent where no other process could read it (a simulated host). */
  readonly announcements?: Announcements
}

/**
 * Says to other processes that somebody uses a path. It decides nothing: LevelDB's lock does
 * (`Stores`).
 */
export interface Announcements {
  /**
   * Takes over whatever announcement stands. Kept fresh until the returned function has withdrawn
   * it.
   */
  announce(path: string): Promise<() => Promise<void>>
  /** Whether an announcement was kept fresh lately. */
  isFresh(path: string): Promise<boolean>
}

export interface Clock {
  /** Milliseconds since the epoch; may jump. */
  now(): number
  /** Milliseconds from an arbitrary start, never backwards, with fractions. */
  monotonic(): number
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Resolves at the wall-clock time `at` (at once when that has passed). */
  sleepUntil(at: number, signal?: AbortSignal): Promise<void>
  /** Runs `f` every `ms` until the returned function is called. Does not keep the process alive. */
  every(ms: number, f: () => void): () => void
  /** Lets other events of this process be served: resolves in the next turn of the event loop. */
  turn(): Promise<void>
}

export interface FileSystem {
  /** Opens for reading. Rejects with ENOENT in `code` when there is none. */
  openRead(path: string): Promise<ReadableFile>
  /** The same, synchronously (for executors, whose tasks read blocks while they compute). */
  openReadSync(path: string): ReadableFile
  /**
   * Creates a new file for writing (EEXIST when there is one). Its directory entry survives only
   * after `syncDirectory`.
   */
  create(path: string): Promise<WritableFile>
  /** Opens an existing file for writing at positions. */
  openWrite(path: string): Promise<WritableFile>
  /** The whole file. */
  readFile(path: string): Promise<Uint8Array>
  /**
   * Writes aside, syncs, renames over `path`, syncs the directory: afterwards all of it survives,
   * before it nothing.
   */
  writeFileDurably(path: string, bytes: Uint8Array): Promise<void>
  /** Atomic; survives only after `syncDirectory` of both parents. */
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  /** Like `rm -r`; a missing path is fine. */
  remove(path: string): Promise<void>
  /** With parents; fine when it exists. */
  makeDirectory(path: string): Promise<void>
  syncDirectory(path: string): Promise<void>
  /** Names in a directory, sorted; undefined when it does not exist. */
  list(path: string): Promise<readonly string[] | undefined>
  /** undefined when there is nothing. */
  stat(path: string): Promise<FileStat | undefined>
  /** Bytes that can still be written to the file system of `path`. */
  freeBytes(path: string): Promise<number>
  /** A thread of its own for the log's writes and syncs. */
  openAppender(): Promise<Appender>
}

export interface FileStat {
  readonly kind: 'file' | 'directory' | 'other'
  readonly bytes: number
  readonly modifiedMs: number
  readonly inode: number
}

export interface ReadableFile {
  /** Up to `length` bytes from `position`; fewer only at the end of the file. */
  read(position: number, length: number): Promise<Uint8Array>
  /** The same, synchronously (for executors reading blocks that were just written). */
  readSync(position: number, length: number): Uint8Array
  size(): Promise<number>
  close(): Promise<void>
}

export interface WritableFile {
  /**
   * All of `bytes` at `position`, or an error: a short write is `MR_SHORT_WRITE`. Survives only
   * after `sync`.
   */
  write(position: number, bytes: Uint8Array): Promise<void>
  /** Content and length survive. Never call it again after it failed. */
  sync(): Promise<void>
  truncate(length: number): Promise<void>
  close(): Promise<void>
}

/**
 * The log's own thread: the calls run one after the other, in order. Once a write or sync has
 * failed every later call fails too (`MR_LOG_FAILED`): the kernel may have dropped the pages, so
 * the only way on is a new process. A write that found no room (ENOSPC, EDQUOT, `MR_SHORT_WRITE`)
 * is the exception: it may be tried again.
 */
export interface Appender {
  /** Opens (existing) `path` for writing; the number names it in `append`. */
  open(path: string): Promise<number>
  /**
   * Writes `bytes` at `position` and, when `sync` is true, makes them and all earlier appends to
   * this file durable. The whole buffer of `bytes` (never a pooled one) is taken away: from the
   * call on it is detached, and what was written comes back as the same view of the same memory.
   * After a failure nothing comes back.
   */
  append(file: number, position: number, bytes: OwnBytes, sync: boolean): Promise<OwnBytes>
  sync(file: number): Promise<void>
  closeFile(file: number): Promise<void>
  close(): Promise<void>
}

/** Bytes on memory that is not shared with another thread, so that it can be handed to one. */
export type OwnBytes = Uint8Array<ArrayBuffer>

export interface Network {
  /** Files and connections this process may have open together; absent where that is not known. */
  readonly openFilesMax?: number
  connect(to: Address, signal?: AbortSignal): Promise<Connection>
  /** Rejects when the address is taken. Each connection is handed to `onConnection`. */
  listen(at: Address, onConnection: (connection: Connection) => void): Promise<Listener>
}

/** A TCP host and port, or a path of a Unix socket. Port 0 asks for a free one. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string }

export interface Listener {
  /** The address in use, with the real port. */
  readonly address: Address
  close(): Promise<void>
}

/**
 * A byte stream in both directions. The reader takes a piece when it wants one, so pressure goes
 * back to the peer.
 */
export interface Connection {
  readonly remote: string
  /**
   * The next piece, or undefined at the end. Rejects when the connection broke. One call at a time.
   */
  read(): Promise<Uint8Array | undefined>
  /** Resolves when the bytes may be followed by more (not: have arrived). */
  write(bytes: Uint8Array): Promise<void>
  end(): Promise<void>
  destroy(): void
}

export interface Random {
  /** 0 ≤ n < 1 */
  next(): number
  bytes(n: number): Uint8Array
}

export interface Processes {
  readonly pid: number
  /** Starts a Node process running `module` (a file URL) with `argument` as data. */
  spawn(options: SpawnOptions): ChildProcess
  /**
   * A fresh directory only this user may enter, its path short enough for Unix sockets. Its user
   * removes it.
   */
  privateDirectory(): Promise<string>
}

export interface SpawnOptions {
  readonly name: string
  readonly module: string
  /** Handed to the child as one JSON argument. */
  readonly argument: unknown
  readonly memoryMegabytes?: number
  readonly environment?: Readonly<Record<string, string>>
  /** A directory that the child removes when it finds its parent dead. */
  readonly scratch?: string
  /** What the child writes to stdout and stderr, line by line. */
  readonly onOutput: (stream: 'stdout' | 'stderr', line: string) => void
}

export interface ChildProcess {
  readonly pid: number
  readonly channel: Channel
  readonly exited: Promise<Exit>
  kill(signal: 'SIGKILL' | 'SIGTERM'): void
}

export interface Exit {
  readonly code: number | null
  readonly signal: string | null
}

/**
 * Ordered, framed messages between a parent and its child. A child whose parent died sees the
 * channel close.
 */
export interface Channel {
  send(message: Uint8Array): void
  /** Bytes accepted but not yet taken by the other side's kernel. */
  readonly queuedBytes: number
  onMessage(f: (message: Uint8Array) => void): void
  onClose(f: () => void): void
  close(): void
}

export interface Stores {
  /**
   * Opens a LevelDB directory; its lock is held until `close` or the process ends. `create: false`
   * fails with `MR_CHECKPOINT_DAMAGED` where there is no store, as does any store LevelDB refuses;
   * a directory that another process or this one holds is `MR_DIRECTORY_OWNED`; other failures are
   * `MR_CHECKPOINT_FAILED`.
   *
   * Opening a damaged store can delete good files of it. With `keep`, a path on the same file
   * system where nothing is, the files as they were before opening are there (atomically, durably,
   * without copying bytes) once LevelDB is asked. When it resolves, what opening made of the files
   * survives, so that what was kept may go.
   */
  open(path: string, options: { create: boolean; keep?: string }): Promise<KeyValueStore>
  /** LevelDB's own repair. The directory must be closed. */
  repair(path: string): Promise<void>
}

/** After `close` every call but `close` fails with `MR_STATE_INVALID`. */
export interface KeyValueStore {
  get(key: string): Promise<Uint8Array | undefined>
  /** All of `operations` or none; with `sync` they survive when it resolves. */
  batch(operations: readonly StoreOperation[], options: { sync: boolean }): Promise<void>
  /** Entries with `from ≤ key < to`, in key order. */
  entries(range?: {
    from?: string
    to?: string
  }): AsyncIterable<readonly [key: string, value: Uint8Array]>
  close(): Promise<void>
}

export type StoreOperation =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: string }

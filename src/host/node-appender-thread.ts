/**
 * The code of the log's thread: synchronous writes and syncs, one after the other, every byte count
 * checked.
 *
 * It is started from its own source text (`node-appender.ts`), so that it runs the same from
 * TypeScript and from the compiled package. Therefore neither function refers to anything outside
 * itself: all they need are their arguments.
 * A crash at any line leaves a write undone, partly done or done; only a reply that says so proves
 * it done.
 */

import type { OwnBytes } from './host.ts'

export type AppenderRequest =
  | { readonly id: number; readonly op: 'open'; readonly path: string }
  | {
      readonly id: number
      readonly op: 'append'
      readonly file: number
      readonly position: number
      readonly bytes: OwnBytes
      readonly sync: boolean
    }
  | { readonly id: number; readonly op: 'sync'; readonly file: number }
  | { readonly id: number; readonly op: 'closeFile'; readonly file: number }
  | { readonly id: number; readonly op: 'close' }

export interface AppenderReply {
  readonly id: number
  /** The file's number for `open`, else 0. */
  readonly value: number
  /** What `append` was given, with its memory. */
  readonly bytes?: OwnBytes
  readonly error?: { readonly code: string; readonly message: string }
}

export interface ThreadPort {
  on(event: 'message', f: (request: AppenderRequest) => void): unknown
  postMessage(reply: AppenderReply, transfer?: readonly ArrayBuffer[]): void
  close(): void
}

export interface ThreadFiles {
  openSync(path: string, flags: string): number
  writeSync(file: number, bytes: Uint8Array, offset: number, length: number, at: number): number
  fdatasyncSync(file: number): void
  closeSync(file: number): void
}

/** Serves requests in the order in which they come. */
export function appenderThread(port: ThreadPort, run: (request: AppenderRequest) => number): void {
  port.on('message', (request) => {
    try {
      const reply = { id: request.id, value: run(request) }
      if (request.op !== 'append') port.postMessage(reply)
      else port.postMessage({ ...reply, bytes: request.bytes }, [request.bytes.buffer])
    } catch (error) {
      const known = error instanceof Error ? error : new Error(String(error))
      const code = 'code' in known ? String(known.code) : 'UNKNOWN'
      port.postMessage({ id: request.id, value: 0, error: { code, message: known.message } })
    }
    if (request.op === 'close') port.close()
  })
}

/** What is done for a request; the result is the file's number for `open`, else 0. */
export function appenderCalls(files: ThreadFiles): (request: AppenderRequest) => number {
  const open = new Set<number>()
  /** Why the log failed. After it nothing is written or synced any more. */
  let failure: string | undefined
  /** No room for a write: what was written before stands, and it may be tried again. */
  const passing: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'MR_SHORT_WRITE']

  function guarded(what: () => void, mayPass: boolean): number {
    if (failure !== undefined) {
      const told = new Error(`an earlier write or sync failed: ${failure}`)
      throw Object.assign(told, { code: 'MR_LOG_FAILED' })
    }
    try {
      what()
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      const full = mayPass && passing.includes(code)
      if (!full) failure = error instanceof Error ? error.message : String(error)
      throw error
    }
    return 0
  }

  const sync = (file: number): number => guarded(() => files.fdatasyncSync(file), false)

  function write(file: number, position: number, bytes: Uint8Array): void {
    const written = files.writeSync(file, bytes, 0, bytes.length, position)
    if (written === bytes.length) return
    const counts = `${String(written)} of ${String(bytes.length)} bytes`
    const short = new Error(`${counts} were written at ${String(position)}`)
    throw Object.assign(short, { code: 'MR_SHORT_WRITE' })
  }

  /** Every file is closed, whatever happens with the others. */
  function close(from: readonly number[]): number {
    const [file, ...others] = from
    if (file === undefined) return 0
    open.delete(file)
    try {
      files.closeSync(file)
    } finally {
      close(others)
    }
    return 0
  }

  return (request) => {
    switch (request.op) {
      case 'open': {
        const file = files.openSync(request.path, 'r+')
        open.add(file)
        return file
      }
      case 'append':
        guarded(() => write(request.file, request.position, request.bytes), true)
        return request.sync ? sync(request.file) : 0
      case 'sync':
        return sync(request.file)
      case 'closeFile':
        return close([request.file])
      case 'close':
        return close([...open])
    }
  }
}

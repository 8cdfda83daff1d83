/**
 * A `Channel` over a socket: both ends of the pipe between a parent and its child. A message is one
 * write, made at once where the kernel has room, so that what was sent is on its way even when the
 * sender never returns to its event loop.
 */
import type { Socket } from 'node:net'
import type { Channel } from './host.ts'
import { FrameAssembler, frameHeader } from './frames.ts'

export function socketChannel(socket: Socket): Channel {
  const assembler = new FrameAssembler()
  let closed = false
  let whenClosed: (() => void) | undefined
  // An error and an end are the same news here: the other side is gone. Who it was is told by its
  // exit.
  socket.on('error', () => {
    socket.destroy()
  })
  socket.on('end', () => {
    socket.destroy()
  })
  socket.on('close', () => {
    closed = true
    whenClosed?.()
  })
  /** A length over the limit is garbage on the pipe: the peer is given up like one that died. */
  function take(piece: Uint8Array): readonly Uint8Array[] {
    try {
      return [...assembler.push(piece)]
    } catch (error) {
      socket.destroy(error instanceof Error ? error : undefined)
      return []
    }
  }
  return {
    get queuedBytes() {
      return socket.writableLength
    },
    /** A message to a side that is gone goes nowhere: its closing is told by `onClose`. */
    send(message) {
      const header = frameHeader(message.length)
      if (closed || !socket.writable) return
      socket.cork()
      socket.write(header)
      socket.write(message)
      socket.uncork()
    },
    /** Reading begins here, so that nothing is lost before there is someone to take it. */
    onMessage(f) {
      socket.on('data', (piece: Uint8Array) => {
        for (const frame of take(piece)) f(frame)
      })
    },
    /** The end is noticed while messages are read, that is, after `onMessage`. */
    onClose(f) {
      whenClosed = f
      if (closed) queueMicrotask(f)
    },
    close() {
      socket.destroySoon()
    },
  }
}

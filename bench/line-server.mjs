/**
 * The load, in a process of its own: a TCP server on loopback that pours lines into whoever
 * connects last, at a rate that its parent sets by message, or as fast as they are read.
 *
 * A rate is kept by the monotonic clock; what a slow reader made late is caught up for one second
 * at most. It ends with its parent.
 *
 *   parent → { rate } lines a second; 0: none; null: as fast as read
 *   parent → { ask } · child → { port } once, { sent } for each `ask`
 */
import { createServer } from 'node:net'
import { BLOCK_LINES, LINE_BYTES, numberLines, textBlock } from './text.mjs'

const TICK_MS = 2
const CHUNK_LINES = 4096
const CATCH_UP_SECONDS = 1

const numbered = process.argv.includes('--numbered')
const template = textBlock({ numbered })
let rate = 0
let sent = 0
/** Lines due so far; runs with the clock while a rate is set. */
let due = 0
let last = performance.now()
let socket
let full = false

function pour() {
  const now = performance.now()
  if (rate === null) due = Infinity
  else {
    if (due === Infinity) due = sent
    due += (rate * (now - last)) / 1000
    due = Math.min(due, sent + Math.max(1, rate * CATCH_UP_SECONDS))
  }
  last = now
  while (socket !== undefined && !full && sent < Math.floor(due)) send()
}

function send() {
  const at = sent % BLOCK_LINES
  const lines = Math.min(CHUNK_LINES, BLOCK_LINES - at, Math.floor(due) - sent)
  let slice = template.subarray(at * LINE_BYTES, (at + lines) * LINE_BYTES)
  if (numbered) numberLines((slice = Buffer.from(slice)), lines, sent)
  sent += lines
  full = !socket.write(slice)
}

const server = createServer({ noDelay: true }, (connection) => {
  socket?.destroy()
  socket = connection
  full = false
  connection.on('error', () => undefined)
  connection.on('drain', () => {
    full = false
    pour()
  })
  connection.on('close', () => {
    if (socket === connection) socket = undefined
  })
  connection.resume()
  pour()
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
setInterval(pour, TICK_MS)
process.on('message', (message) => {
  if ('rate' in message) {
    pour()
    rate = message.rate
    due = sent
    pour()
  }
  if ('ask' in message) process.send({ sent })
})
process.on('disconnect', () => process.exit(0))

/**
 * What this machine can do at most, measured in the same run: the yardsticks of the table. Each is
 * the plainest loop in one process, without any of the promises.
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BLOCK_LINES, textBlock } from './text.mjs'

const FILE_BYTES = 64 * 1024 * 1024

/** Bytes a second of append + fdatasync, `bytesASync` at a time, on a preallocated file. */
export function diskLimit(bytesASync, seconds) {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-disk-'))
  const file = openSync(join(directory, 'raw'), 'w+')
  try {
    const bytes = Buffer.alloc(Math.max(1, Math.min(FILE_BYTES, Math.round(bytesASync))), 'x')
    for (let at = 0; at < FILE_BYTES; at += 1 << 20)
      writeSync(file, Buffer.alloc(1 << 20), 0, 1 << 20, at)
    fsyncSync(file)
    let at = 0
    let written = 0
    const began = performance.now()
    while (performance.now() - began < seconds * 1000) {
      if (at + bytes.length > FILE_BYTES) at = 0
      writeSync(file, bytes, 0, bytes.length, at)
      fdatasyncSync(file)
      at += bytes.length
      written += bytes.length
    }
    return (written / (performance.now() - began)) * 1000
  } finally {
    closeSync(file)
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Lines a second of decoding, splitting and counting the lines with ERROR. */
export function grepLimit(seconds) {
  return linesPerSecond(seconds, (text, count) => {
    let found = 0
    for (const line of text.split('\n')) if (line.includes('ERROR')) found++
    count.set('found', found)
  })
}

/** Lines a second of decoding, splitting into words and counting them in a `Map`. */
export function wordLimit(seconds) {
  return linesPerSecond(seconds, (text, count) => {
    for (const line of text.split('\n')) {
      for (const word of line.split(' ')) count.set(word, (count.get(word) ?? 0) + 1)
    }
  })
}

function linesPerSecond(seconds, work) {
  const block = textBlock()
  const piece = block.length / 64
  const count = new Map()
  const round = () => {
    for (let at = 0; at < block.length; at += piece) {
      work(block.latin1Slice(at, at + piece), count)
    }
  }
  round()
  let rounds = 0
  const began = performance.now()
  while (performance.now() - began < seconds * 1000) {
    round()
    rounds++
  }
  return ((rounds * BLOCK_LINES) / (performance.now() - began)) * 1000
}

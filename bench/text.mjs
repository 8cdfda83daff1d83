/**
 * The text of the load: lines of 100 bytes of words drawn by Zipf's law (10,000 words, exponent 1),
 * one line in a hundred with the word ERROR. The same seed makes the same bytes everywhere.
 */
export const LINE_BYTES = 100
export const BLOCK_LINES = 65_536
const VOCABULARY = 10_000
const NEEDLE = 'ERROR'
const NEEDLE_SHARE = 0.01
/** Digits of a line's number, where lines are numbered. */
export const DIGITS = 12

/** Mulberry32: numbers in [0, 1). */
function randomOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Ranks from 0, the smaller the likelier. */
function zipf(size, random) {
  const cumulative = new Float64Array(size)
  let sum = 0
  for (let rank = 0; rank < size; rank++) cumulative[rank] = sum += 1 / (rank + 1)
  return () => {
    const at = random() * sum
    let low = 0
    let high = size - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (cumulative[middle] < at) low = middle + 1
      else high = middle
    }
    return low
  }
}

function wordOf(rank) {
  let text = ''
  for (let n = rank + 26; n > 0; n = Math.floor(n / 26)) {
    text = String.fromCharCode(97 + (n % 26)) + text
  }
  return text + text.slice(0, 1 + (rank % 4))
}

/** `BLOCK_LINES` lines; `numbered` leaves room for a number at the front of each. */
export function textBlock({ seed = 1, numbered = false } = {}) {
  const random = randomOf(seed)
  const draw = zipf(VOCABULARY, random)
  const words = Array.from({ length: VOCABULARY }, (_, rank) => wordOf(rank))
  const bytes = Buffer.alloc(BLOCK_LINES * LINE_BYTES, ' ')
  for (let line = 0; line < BLOCK_LINES; line++) {
    let text = numbered ? `${'0'.repeat(DIGITS)} ` : ''
    if (random() < NEEDLE_SHARE) text += `${NEEDLE} `
    while (text.length < LINE_BYTES - 1) text += `${words[draw()]} `
    bytes.write(text.slice(0, LINE_BYTES - 1), line * LINE_BYTES, 'latin1')
    bytes[(line + 1) * LINE_BYTES - 1] = 10
  }
  return bytes
}

/** Writes the numbers of `lines` lines, the first one being `first`. */
export function numberLines(bytes, lines, first) {
  for (let line = 0; line < lines; line++) {
    let n = first + line
    let at = line * LINE_BYTES + DIGITS - 1
    for (let digit = 0; digit < DIGITS; digit++) {
      bytes[at--] = 48 + (n % 10)
      n = Math.floor(n / 10)
    }
  }
}

/**
 * Text that anybody can work out again: line n is a pure function of (seed, n). Common English
 * words, the k-th as often as 1/k (Zipf's law), four to twelve a line. Pure. Changing a word or a
 * constant here changes every program's results: a golden test holds them.
 */
import { seededRandom } from '../base/random.ts'
import { ByteWriter, utf8 } from '../base/bytes.ts'

const WORDS =
  'the of and to in a is that it was for on are as with his they at be this from have or by ' +
  'one had not but what all were when we there can an your which their said if do will each ' +
  'about how up out them then she many some so these would other into has more her two like ' +
  'him see time could no make than first been its who now people my made over did down only ' +
  'way find use may water long little very after words called just where most know get ' +
  'through back much before go good new write our used me man too any day same right look ' +
  'think also around another came come work three word must because does part even place well ' +
  'such here take why things help put years different away again off went old number great ' +
  'tell men say small every found still between name should home big give air line set own ' +
  'under read last never us left end along while might next sound below saw something thought ' +
  'both few those always looked show large often together asked house world going want school ' +
  'important until form food keep children feet land side without boy once animals life ' +
  'enough took sometimes four head above kind began almost live page got earth need far hand ' +
  'high year mother light country father let night following picture being study second eyes ' +
  'soon times story boys since white days ever paper hard near sentence better best across ' +
  'during today others however sure means knew try told young miles sun ways thing whole hear ' +
  'example heard several change answer room sea against top turned learn point city play ' +
  'toward five using himself usually'

const VOCABULARY: readonly Uint8Array[] = WORDS.split(' ').map(utf8)

/** Upper bounds of each word's share of 0 … 1. */
const SHARES: Float64Array = zipfShares(VOCABULARY.length)

const WORDS_MIN = 4
const WORDS_SPAN = 9
const SPACE = 0x20
const NEWLINE = 0x0a
const NO_WORD = new Uint8Array(0)

function zipfShares(words: number): Float64Array {
  const shares = new Float64Array(words)
  let sum = 0
  for (let k = 0; k < words; k++) shares[k] = sum += 1 / (k + 1)
  return shares.map((share) => share / sum)
}

/** Writes lines `from` up to and including `to`, each ended by "\n". */
export function writeGeneratedLines(out: ByteWriter, seed: number, from: number, to: number): void {
  for (let n = from; n <= to; n++) {
    const random = seededRandom(mix(seed, n))
    const words = WORDS_MIN + Math.floor(random() * WORDS_SPAN)
    for (let i = 0; i < words; i++) {
      if (i > 0) out.u8(SPACE)
      out.raw(VOCABULARY[wordAt(random())] ?? NO_WORD)
    }
    out.u8(NEWLINE)
  }
}

/** The first word whose upper bound is above `share`. */
function wordAt(share: number): number {
  let low = 0
  let high = SHARES.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((SHARES[middle] ?? 1) > share) high = middle
    else low = middle + 1
  }
  return low
}

/** 32 bits of a seed and a line number of up to 53 bits (the finalizer of MurmurHash3). */
function mix(seed: number, n: number): number {
  let h = (seed ^ Math.imul(Math.floor(n / 0x1_0000_0000), 0x9e37_79b1)) >>> 0
  h = Math.imul(h ^ (n % 0x1_0000_0000), 0x85eb_ca6b) >>> 0
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35) >>> 0
  return (h ^ (h >>> 16)) >>> 0
}

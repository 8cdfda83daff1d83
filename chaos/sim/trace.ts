/** What happened, in order: a digest of all of it, and the last lines to read. */
import { crc32c } from '../../src/base/checksum.ts'

const TAIL_LINES = 400

export class Trace {
  readonly #tail: string[] = []
  /** The lines that begin with `--`: the plan of each boot and how it ended. */
  readonly marks: string[] = []
  readonly #sink: ((line: string) => void) | undefined
  #digest = 0
  #lines = 0

  constructor(sink?: (line: string) => void) {
    this.#sink = sink
  }

  add(line: string): void {
    this.#lines += 1
    if (line.startsWith('--')) this.marks.push(line)
    this.#digest = crc32c(Buffer.from(line), this.#digest)
    this.#sink?.(line)
    this.#tail.push(line)
    if (this.#tail.length > 2 * TAIL_LINES) this.#tail.splice(0, TAIL_LINES)
  }

  get digest(): string {
    return `${this.#digest.toString(16).padStart(8, '0')}-${String(this.#lines)}`
  }

  tail(lines: number): readonly string[] {
    return this.#tail.slice(-lines)
  }
}

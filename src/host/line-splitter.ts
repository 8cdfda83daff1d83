/** Cuts the text a process prints into lines of bounded length. Pure. */

/** A longer line is handed over in pieces of this many characters. */
export const OUTPUT_LINE_MAX = 16_384

export class LineSplitter {
  #rest = ''
  readonly #onLine: (line: string) => void

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  push(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#onLine(line.endsWith('\r') ? line.slice(0, -1) : line)
    while (this.#rest.length > OUTPUT_LINE_MAX) {
      this.#onLine(this.#rest.slice(0, OUTPUT_LINE_MAX))
      this.#rest = this.#rest.slice(OUTPUT_LINE_MAX)
    }
  }

  /** The unterminated last line, if any. */
  end(): void {
    if (this.#rest !== '') this.#onLine(this.#rest)
    this.#rest = ''
  }
}

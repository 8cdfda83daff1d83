/**
 * What makes a program the same program: its code, wherever it lies. Paths, comments and the source
 * map of a bundle are left out, so that neither another directory nor a comment changes it. Pure.
 */
import { createHash } from 'node:crypto'
import { dirname } from 'node:path'

const DIGEST_CHARACTERS = 16

/** Of a bundle's text; `entry` is the absolute path of the program it was made of. */
export function programIdentity(bundle: string, entry: string): string {
  const code = bundle
    .replace(/^\/\/# sourceMappingURL=.*$/m, '')
    .replace(/^\s*\/\/.*\n/gm, '')
    .replace(/file:\/\/[^"'`\s]*/g, '')
    .replaceAll(dirname(entry), '')
  return createHash('sha256').update(code).digest('hex').slice(0, DIGEST_CHARACTERS)
}

/** Error codes and their documentation, held together both ways. */

/** Codes that head a row of the tables in `docs/errors.md`: `| \`MR_X\` | … |`. */
export function documentedCodes(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^\| `(MR_[A-Z_]+)` \|/gm)].map((match) => match[1] ?? '')
}

export function errorCodeOffenders(codes: readonly string[], markdown: string): string[] {
  const documented = documentedCodes(markdown)
  const twice = documented.filter((code, index) => documented.indexOf(code) !== index)
  return [
    ...codes.filter((code) => !documented.includes(code)).map((code) => `${code}: not documented`),
    ...documented.filter((code) => !codes.includes(code)).map((code) => `${code}: no such code`),
    ...twice.map((code) => `${code}: documented twice`),
  ].sort()
}

/** Rows whose meaning or remedy is missing. */
export function emptyRows(markdown: string): string[] {
  return [...markdown.matchAll(/^\| `(MR_[A-Z_]+)` \|(.*)$/gm)]
    .filter((match) => (match[2] ?? '').split('|').filter((cell) => cell.trim() !== '').length < 3)
    .map((match) => match[1] ?? '')
}

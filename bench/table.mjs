/** Figures as rows of one table of text. Pure. */

const MIB = 1024 * 1024

export const count = (n) => Math.round(n).toLocaleString('en-GB')
export const ms = (n) => `${n < 10 ? n.toFixed(1) : Math.round(n)} ms`
export const size = (bytes) => `${Math.round(bytes / MIB)} MiB`
export const share = (n) => n.toFixed(2)

/** Cores used meanwhile, the load's share first: beside it the figure is to be read. */
export function cores({ load = 0, ...others }) {
  const rest = Object.entries(others).map(([name, n]) => `${name} ${n.toFixed(2)}`)
  return [`load ${load.toFixed(2)}`, ...rest].join(', ')
}

/** Columns as wide as their widest cell. */
export function table(heads, rows) {
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i].length)))
  const line = (row) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [line(heads), rule, ...rows.map(line)].join('\n')
}

/** The largest costs of a profile, one line each. */
export function costs(name, { busyMs, top }) {
  const lines = top.map(({ name: of, share: part }) => `    ${(part * 100).toFixed(0)} %  ${of}`)
  return [`  ${name} (${count(busyMs)} ms of work)`, ...lines].join('\n')
}

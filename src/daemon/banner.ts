/** What a person at a terminal is told when the start is through. */

export interface BannerFacts {
  readonly version: string
  readonly program: string
  readonly digest: string
  readonly dataDir: string
  readonly adminUrl: string
  readonly executors: number
  readonly pid: number
  readonly supervisorPid: number | undefined
}

export function banner(facts: BannerFacts, hints: readonly string[]): string {
  const { pid, supervisorPid } = facts
  const top = String(supervisorPid ?? pid)
  const processes =
    supervisorPid === undefined
      ? String(pid)
      : `${String(pid)}, supervised by ${top}: after a kill -9 ${String(pid)} it goes on by itself`
  const then = supervisorPid === undefined ? ' and start it again' : ''
  return [
    `millrace ${facts.version}`,
    `  program    ${facts.program} (bundle ${facts.digest}, ${count(facts.executors, 'executor')})`,
    `  data       ${facts.dataDir}`,
    `  admin      ${facts.adminUrl}`,
    `  process    ${processes}`,
    '',
    `  try        curl ${facts.adminUrl}/readyz`,
    `             curl ${facts.adminUrl}/api/v1/applications`,
    ...hints.map((hint) => `             ${hint}`),
    `             kill -9 ${String(pid)}${then}: nothing stored is lost`,
    `  stop       Ctrl-C, or kill ${top}`,
    '',
    '',
  ].join('\n')
}

const count = (n: number, noun: string): string => `${String(n)} ${noun}${n === 1 ? '' : 's'}`

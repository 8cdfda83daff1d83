/**
 * What a store does to its files, as a list of calls: recorded from the real LevelDB by strace, and
 * from its twin by its gate. Pure but for the script that both run.
 *
 * A call is `<verb> <sort of file>`; reads, LOCK and LevelDB's own LOG are left out, writes in a
 * row are one, and deletions in a row have no order.
 */
import type { Stores } from '../../src/host/host.ts'

/** What is done with a store; `mark` is told before each step. */
export async function storeScript(
  stores: Stores,
  path: string,
  options: {
    readonly fillBytes: number
    readonly mark: (step: string) => void
    /** Resolves when what runs aside is over: the second thread writes the full log away. */
    readonly settled?: () => Promise<void>
  },
): Promise<void> {
  const { fillBytes, mark } = options
  const put = (key: string, bytes: number) =>
    ({ kind: 'put', key, value: new Uint8Array(bytes).fill(7) }) as const
  mark('create')
  const first = await stores.open(path, { create: true })
  mark('put synced')
  await first.batch([put('a', 100)], { sync: true })
  mark('put')
  await first.batch([put('b', 100)], { sync: false })
  mark('close')
  await first.close()
  mark('open')
  const second = await stores.open(path, { create: false })
  mark('put synced again')
  await second.batch([put('c', 100)], { sync: true })
  mark('close again')
  await second.close()
  mark('open and keep')
  const third = await stores.open(path, { create: false, keep: `${path}.opening` })
  mark('fill')
  await third.batch([put('d', fillBytes)], { sync: true })
  mark('next log')
  await third.batch([put('e', 100)], { sync: true })
  await third.batch([put('f', 100)], { sync: true })
  await options.settled?.()
  mark('close at last')
  await third.close()
}

export type Calls = ReadonlyMap<string, readonly string[]>

/** Steps whose calls are made by one thread: their order is the order. */
export const ORDERED = [
  'create',
  'put synced',
  'put',
  'close',
  'open',
  'put synced again',
  'close again',
  'open and keep',
  'fill',
] as const

/** In the step that changes logs a second thread works: what comes before what. */
export const PROMISES: readonly (readonly [before: RegExp, after: RegExp])[] = [
  [/^create log$/, /^write log$/],
  [/^write log$/, /^sync log$/],
  [/^create log$/, /^sync-directory$/],
  [/^write ldb$/, /^sync ldb$/],
  [/^sync ldb$/, /^write MANIFEST$/],
  [/^write MANIFEST$/, /^sync MANIFEST$/],
  [/^sync MANIFEST$/, /^unlink log$/],
]

export class CallList {
  readonly #steps = new Map<string, string[]>()
  #step: string[] = []

  mark(step: string): void {
    this.#step = []
    this.#steps.set(step, this.#step)
  }

  add(verb: string, name: string): void {
    const sort = sortOf(name)
    if (sort === undefined) return
    const call = `${verb} ${sort}`.trimEnd()
    if (verb === 'write' && this.#step.at(-1) === call) return
    this.#step.push(call)
  }

  get calls(): Calls {
    return new Map([...this.#steps].map(([step, calls]) => [step, sortedRuns(calls)]))
  }
}

/** Deletions and links that follow each other, in an order of our own. */
function sortedRuns(calls: readonly string[]): string[] {
  const sorted: string[] = []
  let run: string[] = []
  for (const call of [...calls, '']) {
    if (/^(unlink|link) /.test(call)) run.push(call)
    else {
      sorted.push(...run.sort(), call)
      run = []
    }
  }
  return sorted.filter(Boolean)
}

/** Undefined for files that promise nothing. */
function sortOf(name: string): string | undefined {
  if (/^(LOCK|LOG|LOG\.old)$/.test(name)) return undefined
  return name.replace(/^MANIFEST-\d+$/, 'MANIFEST').replace(/^\d+\./, '')
}

/** How the calls of the twin differ from those of the real one. */
export function differences(real: Calls, twin: Calls): string[] {
  const found: string[] = []
  for (const step of ORDERED) {
    const [wanted, got] = [real, twin].map((calls) => (calls.get(step) ?? []).join(', '))
    if (wanted !== got) found.push(`${step}\n  real: ${wanted ?? ''}\n  twin: ${got ?? ''}`)
  }
  for (const [who, calls] of [
    ['real', real],
    ['twin', twin],
  ] as const) {
    const list = calls.get('next log') ?? []
    for (const [before, after] of PROMISES) {
      const first = list.findIndex((call) => before.test(call))
      const then = list.findLastIndex((call) => after.test(call))
      if (first < 0 || then < first) found.push(`${who}: ${String(before)} before ${String(after)}`)
    }
  }
  return found
}

const CALL = /(\w+)\((.*)\) += (-?\d+)/

/** Reads the output of `strace -f -y`; marks are failed looks at `/mark/<step>`. */
export function readStrace(text: string, path: string): Calls {
  const list = new CallList()
  for (const line of joined(text)) {
    const [, call = '', args = '', result = ''] = CALL.exec(line) ?? []
    const mark = /"\/mark\/([^"]*)"/.exec(args)?.[1]
    if (mark !== undefined) list.mark(mark.replaceAll('-', ' '))
    else if (!result.startsWith('-')) readCall(list, call, args, path)
  }
  return list.calls
}

function readCall(list: CallList, call: string, args: string, path: string): void {
  const names = [...args.matchAll(/["<]([^">]*)[">]/g)]
    .map(([, name = '']) => name)
    .filter((name) => name.startsWith(path))
  const [first, second] = names
  if (first === undefined) return
  const nameOf = (full: string): string => full.slice(full.lastIndexOf('/') + 1)
  const directory = first === path || first.endsWith('.partial')
  switch (call) {
    case 'openat':
      if (args.includes('O_CREAT')) list.add('create', nameOf(first))
      return
    case 'write':
    case 'pwrite64':
      list.add('write', nameOf(first))
      return
    case 'fsync':
    case 'fdatasync':
      if (directory) list.add('sync-directory', '')
      else list.add('sync', nameOf(first))
      return
    case 'rename':
      if (!first.includes('.partial')) list.add('rename', nameOf(second ?? ''))
      return
    case 'link':
      list.add('link', nameOf(first))
      return
    case 'unlink':
      list.add('unlink', nameOf(first))
  }
}

/** Calls that another thread interrupted are put together, where they ended. */
function joined(text: string): string[] {
  const begun = new Map<string, string>()
  return text.split('\n').flatMap((line) => {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const head = /^(.*) <unfinished \.\.\.>$/.exec(rest)?.[1]
    if (head !== undefined) {
      begun.set(thread, head)
      return []
    }
    const tail = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1]
    return [tail === undefined ? rest : `${begun.get(thread) ?? ''}${tail}`]
  })
}

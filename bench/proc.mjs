/** What Linux tells of processes: processor time, memory, children. Times in ms, sizes in bytes. */
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const TICK_MS = 10

/** Processor time of a process with all its threads; 0 when it is gone. */
export function cpuMs(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS
  } catch {
    return 0
  }
}

/** Time the machine's processors were busy since it started, all together. */
export function machineCpuMs() {
  const fields = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0].split(/\s+/).slice(1)
  const [user, nice, system, , , irq, softirq] = fields.map(Number)
  return (user + nice + system + irq + softirq) * TICK_MS
}

export function rssBytes(pid) {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
  return Number(found?.[1] ?? 0) * 1024
}

/** Direct children of a process, in order of their ids. */
export function childrenOf(pid) {
  const children = []
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1')
    children.push(...text.split(' ').filter(Boolean).map(Number))
  }
  return children.sort((a, b) => a - b)
}

/** Begins to count; the returned function gives cores used since, by name and by the others. */
export function startCpu(pids) {
  const began = performance.now()
  const machine = machineCpuMs()
  const before = Object.entries(pids).map(([name, list]) => [name, sum(list), list])
  return () => {
    const ms = performance.now() - began
    const cores = {}
    let ours = 0
    for (const [name, at, list] of before) {
      const used = sum(list) - at
      ours += used
      cores[name] = used / ms
    }
    cores.others = Math.max(0, (machineCpuMs() - machine - ours) / ms)
    return cores
  }
}

const sum = (pids) => pids.reduce((total, pid) => total + cpuMs(pid), 0)

export const CORES = availableParallelism()

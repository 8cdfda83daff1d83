/** What a team of executors is made from. */
import type { ChildProcess, Clock, Random } from '../host/host.ts'
import type { Failure } from './attempt.ts'
import type { ExecutorTimes } from './limits.ts'
import type { StartOptions } from './protocol.ts'

export interface TeamOptions {
  readonly processes: TeamProcesses
  readonly clock: Clock
  readonly random: Random
  /** Number of executors. */
  readonly size: number
  readonly program: StartOptions['program']
  /** Parameters of the program, as text; typed by their defaults where it is built. */
  readonly params: Readonly<Record<string, string>>
  /** Partitions of shuffles, of new states and of receiver input. */
  readonly partitions: number
  /** Where executors read blocks. */
  readonly logDirectory: string
  /** What relative output paths are relative to, absolute. */
  readonly workingDirectory: string
  readonly times?: Partial<ExecutorTimes>
  /** A dead executor is being replaced. */
  readonly onRestart?: (rank: number, reason: Failure) => void
}

/**
 * How the processes of a team are made: real ones (`process-team.ts`) or twins in this process
 * (`inline-team.ts`).
 */
export interface TeamProcesses {
  executor(options: SeatOptions): ChildProcess
  /** The process of a custom receiver. */
  receiver(uid: string): ChildProcess
  /** A fresh directory for the sockets between executors; asked for when there are several. */
  scratch(): Promise<string>
  /** Whether it is still there: cleaners of temporary files, or a program, may have removed it. */
  hasScratch(path: string): Promise<boolean>
  /** Removes the directory, or one socket in it; a missing one is fine. */
  removeScratch(path: string): Promise<void>
}

export interface SeatOptions {
  readonly rank: number
  readonly scratch: string | undefined
  /** Lines it writes to stderr; the cause of a death may be among them. */
  readonly onStderr: (line: string) => void
}

/**
 * What the supervisor does when something happens: a pure function, so that every order of events
 * can be tried.
 *
 *              exited (may help to start again)
 *   running ────────────────────────────────► waiting ──backoff over──► running
 *      │ │                                       │
 *      │ └─ exited (final), or latched ─► done ◄─┤ signal
 *      └─── signal ─► stopping ──exited──► done ◄┘
 *
 * A while after the first commit of each child, another process is held ready to take its place
 * (`standBy`), where the settings say so; `spawn` means that one while it lives.
 *
 * Invariants: at most one child lives; a child is killed only while stopping: after the deadline
 * when it is not recovering, or at the second signal. Deaths count until a commit above every
 * earlier one is heard of; a full disk is no death.
 */
import { assert, unreachable } from '../base/assert.ts'
import type { StopSignal } from '../host/shell.ts'
import { EXIT, FINAL_EXITS } from './exit-codes.ts'
import { SUPERVISION_DEFAULTS } from './supervision.ts'
import type { DaemonMessage, StandbyPlan, SupervisionSettings } from './supervision.ts'

export interface SupervisorState {
  readonly phase: 'running' | 'waiting' | 'stopping' | 'done'
  /** The child has not come to running yet. */
  readonly recovering: boolean
  /** The child has said something: its engine begins, or has begun. */
  readonly heard: boolean
  /** Deaths since the last progress. */
  readonly deaths: number
  readonly highestCommit: number
  /** Whether a process to take over was asked for in the life of this child. */
  readonly standby: 'none' | 'due' | 'asked'
  readonly settings: SupervisionSettings
}

export type SupervisorEvent =
  | { readonly kind: 'message'; readonly message: DaemonMessage }
  | { readonly kind: 'exited'; readonly code: number | null; readonly signal: string | null }
  | { readonly kind: 'backoffOver' }
  | { readonly kind: 'standbyDue' }
  | { readonly kind: 'signalled'; readonly signal: StopSignal }
  | { readonly kind: 'deadline' }

export type SupervisorAction =
  | { readonly kind: 'spawn' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'waitForStandby'; readonly ms: number }
  | { readonly kind: 'standBy'; readonly plan: StandbyPlan }
  | { readonly kind: 'signal'; readonly signal: StopSignal | 'SIGKILL' }
  | { readonly kind: 'setDeadline'; readonly ms: number }
  | { readonly kind: 'report'; readonly text: string }
  | { readonly kind: 'finish'; readonly code: number }

export interface SupervisorStep {
  readonly state: SupervisorState
  readonly actions: readonly SupervisorAction[]
}

/** What a child is given beyond its own `stopTimeoutMs`, which it keeps itself. */
export const STOP_GRACE_MS = 5000

/** The child first catches up with its input: what is begun beside it takes processor time. */
export const STANDBY_DELAY_MS = 1000

export const startSupervisor = (): SupervisorStep => ({
  state: {
    phase: 'running',
    recovering: true,
    heard: false,
    deaths: 0,
    highestCommit: -1,
    standby: 'none',
    settings: SUPERVISION_DEFAULTS,
  },
  actions: [{ kind: 'spawn' }],
})

export function superviseStep(state: SupervisorState, event: SupervisorEvent): SupervisorStep {
  switch (event.kind) {
    case 'message':
      return planStandby({ ...hear(state, event.message), heard: true }, event.message)
    case 'exited':
      return exited(state, event)
    case 'backoffOver':
      if (state.phase !== 'waiting') return stay(state)
      return { state: { ...state, ...FRESH }, actions: [SPAWN] }
    case 'standbyDue':
      return standbyDue(state)
    case 'signalled':
      return signalled(state, event.signal)
    case 'deadline':
      return deadline(state)
    default:
      return unreachable(event)
  }
}

const FRESH = { phase: 'running', recovering: true, heard: false, standby: 'none' } as const
const SPAWN: SupervisorAction = { kind: 'spawn' }
const KILL: SupervisorAction = { kind: 'signal', signal: 'SIGKILL' }
const stay = (state: SupervisorState): SupervisorStep => ({ state, actions: [] })
const report = (text: string): SupervisorAction => ({ kind: 'report', text })

function finish(state: SupervisorState, code: number, text?: string): SupervisorStep {
  const last: SupervisorAction = { kind: 'finish', code }
  return {
    state: { ...state, phase: 'done' },
    actions: text === undefined ? [last] : [report(text), last],
  }
}

function hear(state: SupervisorState, message: DaemonMessage): SupervisorState {
  switch (message.kind) {
    case 'settings':
      return { ...state, settings: message.settings }
    case 'phase':
      return { ...state, recovering: message.recovering }
    case 'commit':
      if (message.number <= state.highestCommit) return state
      return { ...state, highestCommit: message.number, deaths: 0 }
    default:
      return unreachable(message)
  }
}

function planStandby(state: SupervisorState, { kind }: DaemonMessage): SupervisorStep {
  const settled = state.phase === 'running' && !state.recovering && kind === 'commit'
  const wanted = state.settings.standby !== undefined && state.standby === 'none'
  if (!settled || !wanted) return stay(state)
  return {
    state: { ...state, standby: 'due' },
    actions: [{ kind: 'waitForStandby', ms: STANDBY_DELAY_MS }],
  }
}

function standbyDue(state: SupervisorState): SupervisorStep {
  const plan = state.settings.standby
  const due = state.phase === 'running' && state.standby === 'due'
  if (!due || plan === undefined) return stay(state)
  return { state: { ...state, standby: 'asked' }, actions: [{ kind: 'standBy', plan }] }
}

function exited(
  state: SupervisorState,
  { code, signal }: { code: number | null; signal: string | null },
): SupervisorStep {
  assert(state.phase === 'running' || state.phase === 'stopping', 'a child exits only once')
  if (state.phase === 'stopping') return finish(state, code ?? codeOfStop(state, signal))
  if (code !== null && FINAL_EXITS.has(code)) return finish(state, code)
  const how =
    code === null ? `was ended by ${signal ?? 'nobody knows what'}` : `exited with ${String(code)}`
  if (code === EXIT.full) return waitForRoom(state)
  const deaths = state.deaths + 1
  const { maxRestarts } = state.settings
  if (deaths >= maxRestarts) {
    return finish(
      { ...state, deaths },
      EXIT.internal,
      `the daemon ${how}: death ${String(deaths)} without a commit between them, giving up. ` +
        'Its last messages say why; nothing stored is lost, start again when that is mended',
    )
  }
  const ms = wait(state, deaths)
  return {
    state: { ...state, phase: 'waiting', deaths },
    actions: [
      report(
        `the daemon ${how}; starting it again ${ms === 0 ? 'at once' : `in ${String(ms)} ms`} ` +
          `(death ${String(deaths)} of ${String(maxRestarts)} since the last commit)`,
      ),
      { kind: 'wait', ms },
    ],
  }
}

/** A child that the signal met before it could hear of it had begun nothing. */
const codeOfStop = ({ heard }: SupervisorState, signal: string | null): number =>
  !heard && (signal === 'SIGTERM' || signal === 'SIGINT') ? EXIT.ok : EXIT.hurried

/** Nobody's fault, and nothing a restart could wear out: not counted as a death. */
function waitForRoom(state: SupervisorState): SupervisorStep {
  const ms = state.settings.backoffMaxMs
  const text = `the disk is full; starting again in ${String(ms)} ms, until there is room`
  return { state: { ...state, phase: 'waiting' }, actions: [report(text), { kind: 'wait', ms }] }
}

/**
 * What came as far as a commit is started again at once: a single death costs no more than the
 * recovery.
 */
function wait({ highestCommit, settings }: SupervisorState, deaths: number): number {
  return deaths === 1 && highestCommit >= 0 ? 0 : backoff(settings, deaths)
}

/** Wait after so many deaths in a row. */
export function backoff(settings: SupervisionSettings, deaths: number): number {
  return Math.min(settings.backoffMaxMs, settings.backoffMinMs * 2 ** Math.min(deaths - 1, 40))
}

function signalled(state: SupervisorState, signal: StopSignal): SupervisorStep {
  switch (state.phase) {
    case 'running':
      return {
        state: { ...state, phase: 'stopping' },
        actions: [
          { kind: 'signal', signal },
          { kind: 'setDeadline', ms: state.settings.stopTimeoutMs + STOP_GRACE_MS },
        ],
      }
    case 'stopping':
      return { state, actions: [report('second signal: ending the daemon now'), KILL] }
    case 'waiting':
      return finish(state, EXIT.ok)
    case 'done':
      return stay(state)
    default:
      return unreachable(state.phase)
  }
}

function deadline(state: SupervisorState): SupervisorStep {
  if (state.phase !== 'stopping') return stay(state)
  if (!state.recovering) {
    return { state, actions: [report('the daemon did not stop in time: ending it'), KILL] }
  }
  const text = 'the daemon is still recovering and ends when it can; a second signal ends it now'
  return { state, actions: [report(text)] }
}

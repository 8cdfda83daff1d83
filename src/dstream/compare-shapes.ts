/**
 * What a changed program means for what is stored: the shape in the checkpoint against the shape of
 * now. Pure.
 *
 * Inputs and states are matched by uid. A uid that the program gives by option means the same in
 * every version of it. One that was derived is honoured only while it can mean nothing else: the
 * only one of its kind in a shape that did not change, or one of several in a program that did not
 * (`same-program.ts`); else another order of operators would hand one state to another operator.
 */
import { nearest } from '../base/suggest.ts'
import { describePlace } from '../dataset/place.ts'
import { isSameProgram } from './same-program.ts'
import type { GraphShape, InputShape, NodeShape, StateShape } from './shape.ts'

export type ShapeChange =
  /** The same as before. */
  | { readonly kind: 'kept'; readonly role: Role; readonly uid: string; readonly where: string }
  /** Starts empty. */
  | { readonly kind: 'new'; readonly role: Role; readonly uid: string; readonly where: string }
  /** Stored, and the program was told to let it go. */
  | { readonly kind: 'dropped'; readonly role: Role; readonly uid: string }
  /** Stored values are read by the new codec, under their old version. */
  | {
      readonly kind: 'codecChanged'
      readonly role: 'state'
      readonly uid: string
      readonly from: number
      readonly to: number
    }
  /** Cannot go on; `message` says what to write. */
  | {
      readonly kind: 'refused'
      readonly role: Role
      readonly uid: string
      readonly message: string
    }

type Role = 'input' | 'state'

export interface ShapeComparison {
  /** Nothing differs but places and parameters. */
  readonly same: boolean
  /** One entry for each input, then each state, of either shape. */
  readonly changes: readonly ShapeChange[]
  /** The sentences of everything that was refused; empty when the program may start. */
  readonly refusals: readonly string[]
}

/**
 * A state that was asked to be dropped and is not stored: a slip for who plans, and what every
 * start after the first finds whose command line was not changed.
 */
export function unknownDrop(
  stored: readonly StateShape[],
  drop: readonly string[],
): string | undefined {
  const uids = stored.map((state) => state.uid)
  const unknown = drop.find((uid) => !uids.includes(uid))
  if (unknown === undefined) return undefined
  const near = nearest(unknown, uids)
  const meant = near === undefined ? '' : `: is '${near}' meant?`
  const there = uids.length === 0 ? 'none is stored' : `stored: ${uids.join(', ')}`
  return `--drop-state ${unknown}: there is no stored state '${unknown}'${meant} (${there})`
}

/** Why a state that was asked to be dropped cannot be: the program has it. */
export function refuseDrop(
  now: readonly StateShape[],
  drop: readonly string[],
): string | undefined {
  const kept = drop.find((uid) => now.some((state) => state.uid === uid))
  return kept === undefined
    ? undefined
    : `--drop-state ${kept}: the program still has the state '${kept}'; only one that it no ` +
        'longer has can be dropped'
}

/** `drop` names the states (by uid) that may vanish with what they hold. */
export function compareShapes(
  stored: GraphShape,
  now: GraphShape,
  drop: readonly string[] = [],
): ShapeComparison {
  const same = skeleton(stored) === skeleton(now)
  const unchanged = same && isSameProgram(stored, now)
  const changes = [
    ...compareInputs(stored.inputs, now.inputs, unchanged),
    ...compareStates(stored.states, now.states, { same, unchanged }, new Set(drop)),
  ]
  const refusals = changes.flatMap((change) => (change.kind === 'refused' ? [change.message] : []))
  return { same, changes, refusals }
}

/**
 * What must not change for a derived uid to mean the same: all but places, names, parameters and
 * codec versions.
 */
function skeleton({ nodes, inputs, outputs, states }: GraphShape): string {
  const node = ({ kind, parents, slideMs }: NodeShape): unknown => [kind, parents, slideMs]
  return JSON.stringify([
    nodes.map(node),
    inputs.map((input) => [input.kind, input.node]),
    outputs.map((output) => [output.kind, output.node]),
    states.map((state) => [state.uid, state.node]),
  ])
}

/**
 * Records that wait in the log for an input that is gone are the log's to refuse: here it is told
 * of.
 */
function compareInputs(
  stored: readonly InputShape[],
  now: readonly InputShape[],
  unchanged: boolean,
): readonly ShapeChange[] {
  const before = new Map(stored.map((input) => [input.uid, input]))
  const after = new Set(now.map((input) => input.uid))
  const changes = now.map((input): ShapeChange => {
    const { uid, kind } = input
    const where = describePlace(input.place)
    const old = before.get(uid)
    if (old === undefined) return { kind: 'new', role: 'input', uid, where }
    if (old.kind === kind) {
      const alone = now.filter(({ place }) => describePlace(place) === where).length === 1
      const certain = unchanged && (alone || parametersOf(old) === parametersOf(input))
      const message = certain ? undefined : mistakable(old, input, { stored, now })
      if (message !== undefined) return { kind: 'refused', role: 'input', uid, message }
      return { kind: 'kept', role: 'input', uid, where }
    }
    const message =
      `input '${uid}' was a ${old.kind} input and is now a ${kind} input (${where}): ` +
      `give the new one another uid`
    return { kind: 'refused', role: 'input', uid, message }
  })
  const gone = stored.filter((input) => !after.has(input.uid))
  return [...changes, ...gone.map(({ uid }) => ({ kind: 'dropped', role: 'input', uid }) as const)]
}

/**
 * Where several inputs of a kind have no name of their own, a change may have made one of them
 * another: its records, and the numbers its producers have reached, would go to the wrong one. They
 * are told apart only by parameters that are all different.
 */
function mistakable(
  old: InputShape,
  input: InputShape,
  { stored, now }: { readonly stored: readonly InputShape[]; readonly now: readonly InputShape[] },
): string | undefined {
  const unnamed = ({ derived, kind }: InputShape): boolean => derived && kind === input.kind
  const before = stored.filter(unnamed).map(parametersOf)
  const after = now.filter(unnamed).map(parametersOf)
  if (!input.derived || Math.max(before.length, after.length) < 2) return undefined
  const distinct = new Set(before).size === before.length && new Set(after).size === after.length
  if (distinct && parametersOf(old) === parametersOf(input)) return undefined
  return (
    `the program has changed, and the input at ${describePlace(input.place)} has no name of its ` +
    `own, so it cannot be told whether the stored input '${input.uid}' is meant: write ` +
    `{ uid: '${input.uid}' } there if it is, or another uid if it is a new one`
  )
}

const parametersOf = ({ parameters }: InputShape): string => JSON.stringify(parameters)

function compareStates(
  stored: readonly StateShape[],
  now: readonly StateShape[],
  { same, unchanged }: { readonly same: boolean; readonly unchanged: boolean },
  drop: ReadonlySet<string>,
): readonly ShapeChange[] {
  const before = new Map(stored.map((state) => [state.uid, state]))
  const after = new Set(now.map((state) => state.uid))
  const several = now.filter(({ derived }) => derived).length > 1
  const certain = unchanged || (same && !several)
  const changes = now.map((state): ShapeChange => {
    const old = before.get(state.uid)
    const { uid } = state
    if (old === undefined) return { kind: 'new', role: 'state', uid, where: whereIs(state) }
    const message = refusal(old, state, certain)
    if (message !== undefined) return { kind: 'refused', role: 'state', uid, message }
    const [from, to] = [old.codecVersion, state.codecVersion]
    if (from !== to) return { kind: 'codecChanged', role: 'state', uid, from, to }
    return { kind: 'kept', role: 'state', uid, where: whereIs(state) }
  })
  const gone = stored.filter((state) => !after.has(state.uid))
  return [...changes, ...gone.map((state) => vanished(state, drop))]
}

function refusal(old: StateShape, state: StateShape, certain: boolean): string | undefined {
  const { uid } = state
  // A uid that the program gives is its own word that this is the state: it may even repeat a
  // derived one.
  if (!certain && state.derived) return unnamed(state)
  if (old.partitions !== state.partitions) {
    const before = String(old.partitions)
    return (
      `state '${uid}' (${whereIs(state)}) is kept in ${before} partitions and would now have ` +
      `${String(state.partitions)}: set partitions to ${before} again, or write ` +
      `{ partitions: ${before} } there`
    )
  }
  return undefined
}

function unnamed(state: StateShape): string {
  const { uid } = state
  return (
    `the program has changed, and the state at ${whereIs(state)} has no name of its own, ` +
    `so it cannot be told whether the stored state '${uid}' is meant: ` +
    `write { uid: '${uid}' } there if it is, or another uid if it is a new one`
  )
}

function vanished(state: StateShape, drop: ReadonlySet<string>): ShapeChange {
  const { uid } = state
  if (drop.has(uid)) return { kind: 'dropped', role: 'state', uid }
  const message =
    `state '${uid}' is stored, and the program no longer has it (it was ${whereIs(state)}): ` +
    `give its operator { uid: '${uid}' }, or drop it by name: --drop-state ${uid}`
  return { kind: 'refused', role: 'state', uid, message }
}

const whereIs = (state: StateShape): string => describePlace(state.place)

/** For people: one line a change. */
export function renderComparison(comparison: ShapeComparison): readonly string[] {
  const head =
    comparison.refusals.length > 0
      ? 'the program does not fit what is stored, and run refuses it'
      : comparison.same
        ? 'the program has the shape of the stored one'
        : 'the program has another shape than the stored one'
  return [head, ...comparison.changes.map(renderChange)]
}

function renderChange(change: ShapeChange): string {
  const name = `${change.role} '${change.uid}'`
  switch (change.kind) {
    case 'kept':
      return `  = ${name} goes on (${change.where})`
    case 'new':
      return `  + ${name} is new and starts empty (${change.where})`
    case 'dropped':
      return `  - ${name} is dropped`
    case 'codecChanged': {
      const versions = `from version ${String(change.from)} to ${String(change.to)}`
      return `  ~ ${name} changes its codec ${versions}`
    }
    case 'refused':
      return `  ! ${change.message}`
  }
}

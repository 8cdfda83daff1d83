/**
 * What a program builds: nodes, inputs, states, outputs and resources, in the order they were made.
 * It is open while the program's body runs and closed for ever after.
 *
 * Life:  building ─ seal ─► started ─ stop ─► stopped
 */
import type { Codec } from '../base/codec.ts'
import { MillraceError } from '../base/errors.ts'
import type { Duration } from '../base/time.ts'
import { describePlace } from '../dataset/place.ts'
import type { Place } from '../dataset/runtime.ts'
import type { Receiver } from './custom-receiver.ts'
import type { Output } from './output.ts'
import type { Resource } from './resource.ts'
import type { InputShape, Json, NodeShape, OutputKind, StateShape } from './shape.ts'

export type Role = 'input' | 'state' | 'output' | 'resource'

const UID_LENGTH_MAX = 128
// Control characters and "/" would break addresses of the form app/uid/time/partition.
const UID_FORM = /^[^/\u0000-\u001f\u007f]+$/

export interface GraphSettings {
  readonly application: string
  readonly batchInterval: Duration
  /** Partitions of shuffles and states that name no number. */
  readonly partitions: number
  readonly collectBytesMax: number
}

export class GraphBuilder {
  readonly settings: GraphSettings
  readonly nodes: NodeShape[] = []
  readonly inputs: InputShape[] = []
  readonly states: StateShape[] = []
  readonly outputs: Output[] = []
  readonly resources = new Map<string, Resource<unknown>>()
  /** How the values of each state are read, by uid. */
  readonly codecs = new Map<string, Codec<unknown>>()
  readonly receivers = new Map<string, () => Receiver<unknown>>()
  #phase: 'building' | 'started' | 'stopped' = 'building'
  readonly #uids = new Map<string, Place>()
  readonly #derived = new Map<string, number>()

  constructor(settings: GraphSettings) {
    this.settings = settings
  }

  seal(): void {
    this.#phase = 'started'
  }

  stop(): void {
    this.#phase = 'stopped'
  }

  /** Registers a stream's node; its number is its place in the order of creation. */
  addNode(node: Omit<NodeShape, 'id'>): number {
    this.#checkOpen(node.place)
    const id = this.nodes.length
    this.nodes.push({ id, ...node })
    return id
  }

  addInput(
    input: Omit<InputShape, 'streamId' | 'uid' | 'derived'>,
    given: string | undefined,
  ): InputShape {
    const { uid, derived } = this.claim('input', input.place, given)
    const shape = { streamId: this.inputs.length, uid, derived, ...input }
    this.inputs.push(shape)
    return shape
  }

  addState(state: Omit<StateShape, 'uid' | 'derived'>, given: string | undefined): StateShape {
    const { uid, derived } = this.claim('state', state.place, given)
    const shape = { uid, derived, ...state }
    this.states.push(shape)
    return shape
  }

  addOutput(
    output: {
      kind: OutputKind
      parameters: { readonly [key: string]: Json }
      node: number
      place: Place
    },
    given: string | undefined,
    run: Output['run'],
    plan: Output['plan'],
  ): void {
    this.#checkOpen(output.place)
    const { uid } = this.claim('output', output.place, given)
    this.outputs.push({ shape: { outputId: this.outputs.length, uid, ...output }, run, plan })
  }

  /** A uid of its role: the given one, checked, or `<operator>-<n>` in the order of creation. */
  claim(
    role: Role,
    place: Place,
    given: string | undefined,
  ): { readonly uid: string; readonly derived: boolean } {
    this.#checkOpen(place)
    const derived = this.#derive(role, place)
    const uid = given === undefined ? derived : checkUid(given, place)
    const id = `${role} ${uid}`
    const taken = this.#uids.get(id)
    if (taken !== undefined) {
      const first = taken.location === undefined ? '' : ` (first at ${taken.location})`
      throw invalid(place, `the uid '${uid}' names another ${role} already${first}`)
    }
    this.#uids.set(id, place)
    return { uid, derived: given === undefined }
  }

  /** Counts named ones too, so that naming one leaves the others' uids alone. */
  #derive(role: Role, place: Place): string {
    const id = `${role} ${place.operator}`
    const n = this.#derived.get(id) ?? 0
    this.#derived.set(id, n + 1)
    return `${place.operator}-${String(n)}`
  }

  #checkOpen(place: Place): void {
    if (this.#phase === 'building') return
    const when = this.#phase === 'started' ? 'starting' : 'stopping'
    throw new MillraceError(
      'MR_STATE_INVALID',
      `${describePlace(place)}: adding new inputs, transformations, and output operations after ` +
        `${when} a context is not supported`,
      { details: { operator: place.operator, place: place.location } },
    )
  }
}

function checkUid(uid: string, place: Place): string {
  if (typeof uid === 'string' && uid.length <= UID_LENGTH_MAX && UID_FORM.test(uid)) return uid
  throw invalid(
    place,
    `a uid is 1 to ${String(UID_LENGTH_MAX)} characters without "/" and control characters, ` +
      `not ${JSON.stringify(uid)}`,
  )
}

/** A mistake in how a program is put together, at its place. */
export function invalid(place: Place, message: string): MillraceError {
  return new MillraceError('MR_GRAPH_INVALID', `${describePlace(place)}: ${message}`, {
    details: { operator: place.operator, place: place.location },
  })
}

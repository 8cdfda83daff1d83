/**
 * A program's graph as data: all that ever leaves the process that built it. The driver runs on
 * this alone; it is in the checkpoint, and two processes that built different graphs differ in it.
 */
import type { Place } from '../dataset/runtime.ts'

export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

export interface GraphShape {
  readonly application: string
  readonly batchMs: number
  /**
   * What the graph was built from; equal where nothing about the program changed. Unknown in shapes
   * that were made by hand.
   */
  readonly program?: ProgramIdentity | undefined
  /** Every node, in creation order; `id` is its index. */
  readonly nodes: readonly NodeShape[]
  readonly inputs: readonly InputShape[]
  readonly outputs: readonly OutputShape[]
  readonly states: readonly StateShape[]
}

export interface ProgramIdentity {
  /** Digest of the code. */
  readonly code: string
  /** Digest of the parameters. */
  readonly params: string
}

export interface NodeShape {
  readonly id: number
  readonly kind: string
  readonly parents: readonly number[]
  readonly slideMs: number
  readonly place: Place
}

export type InputKind = 'socketText' | 'http' | 'generator' | 'receiver' | 'queue' | 'sequence'

export interface InputShape {
  /** 0, 1, 2 … in creation order: names the stream in log and API. */
  readonly streamId: number
  readonly uid: string
  /** True when the program did not name it. */
  readonly derived: boolean
  readonly kind: InputKind
  /**
   * `socketText` {host, port}; `http` {host, port, path}; `generator` {linesPerSecond, …}; others
   * {}
   */
  readonly parameters: { readonly [key: string]: Json }
  readonly node: number
  readonly place: Place
}

export type OutputKind = 'print' | 'textFiles' | 'foreachRDD' | 'foreachPartition' | 'rows'

export interface OutputShape {
  /** 0, 1, 2 … in registration order. */
  readonly outputId: number
  readonly uid: string
  readonly kind: OutputKind
  readonly parameters: { readonly [key: string]: Json }
  readonly node: number
  readonly place: Place
}

export interface StateShape {
  readonly uid: string
  /** True when the program did not name it: honoured only while the shape is unchanged. */
  readonly derived: boolean
  readonly partitions: number
  readonly codecVersion: number
  /** `call`: the update function sees every key in every batch, so empty batches must be run. */
  readonly idle: 'call' | 'skip'
  readonly node: number
  readonly place: Place
}

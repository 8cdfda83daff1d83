/**
 * A shape's text is canonical, comes back checked, and two shapes differ at a place that can be
 * read.
 */
import { describe, expect, it } from 'vitest'
import type { GraphShape } from '../../src/dstream/shape.ts'
import {
  decodeShapeText,
  digestOf,
  firstDifference,
  shapeText,
} from '../../src/executor/shape-text.ts'

const place = { operator: 'map', location: 'app.ts:2:3' }
const shape: GraphShape = {
  application: 'count',
  batchMs: 1000,
  nodes: [
    { id: 0, kind: 'socketTextStream', parents: [], slideMs: 1000, place: { operator: 'socket' } },
    { id: 1, kind: 'map', parents: [0], slideMs: 1000, place },
  ],
  inputs: [
    {
      streamId: 0,
      derived: false,
      uid: 'lines',
      kind: 'socketText',
      parameters: { host: 'h', port: 1, more: [null, true, { a: 'b' }] },
      node: 0,
      place,
    },
  ],
  outputs: [{ outputId: 0, uid: 'print-0', kind: 'print', parameters: {}, node: 1, place }],
  states: [
    { uid: 'total', derived: false, partitions: 4, codecVersion: 1, idle: 'call', node: 1, place },
  ],
}

describe('the text of a shape', () => {
  it('comes back as the same shape', () => {
    expect(decodeShapeText(shapeText(shape))).toEqual(shape)
  })

  it('does not depend on the order properties were set in', () => {
    const turned: GraphShape = { ...shape, inputs: shape.inputs.map(turn) }
    expect(digestOf(shapeText(turned))).toBe(digestOf(shapeText(shape)))
  })

  it.each([
    ['no JSON', '{'],
    ['no shape', '{"application":"a"}'],
    ['an unknown kind of output', shapeText(shape).replace('"print"', '"fax"')],
  ])('is refused when it is %s', (_what, text) => {
    expect(() => decodeShapeText(text)).toThrow(expect.objectContaining({ code: 'MR_PROTOCOL' }))
  })
})

describe('the first difference of two shapes', () => {
  it('is none for equal ones', () => {
    expect(firstDifference(shape, { ...shape })).toBeUndefined()
  })

  it('names the first operators that differ, with their places', () => {
    const filter = { operator: 'filter', location: 'app.ts:3:3' }
    const nodes = shape.nodes.map((node) => (node.id === 1 ? { ...node, place: filter } : node))
    expect(firstDifference(shape, { ...shape, nodes })).toBe(
      'map at app.ts:2:3 here, filter at app.ts:3:3 there',
    )
  })

  it('names an operator that is missing', () => {
    expect(firstDifference(shape, { ...shape, nodes: shape.nodes.slice(0, 1) })).toBe(
      'map at app.ts:2:3 here, nothing there',
    )
  })

  it('names the path and both values where the operators are the same', () => {
    const nodes = shape.nodes.map((node) => (node.id === 1 ? { ...node, slideMs: 7 } : node))
    expect(firstDifference(shape, { ...shape, nodes })).toBe('nodes[1].slideMs: 1000 here, 7 there')
  })
})

function turn<T extends object>(value: T): T {
  return Object.assign({ ...value }, Object.fromEntries(Object.entries(value).reverse()))
}

/** Reading and writing through an overlay, against a pair of `Map`s. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8, utf8Text } from '../../src/base/bytes.ts'
import { hashBytes } from '../../src/base/keys.ts'
import { viewsOf } from '../../checkpoint/arena.ts'
import { Overlay } from '../../checkpoint/overlay.ts'
import { StateTable } from '../../checkpoint/state-table.ts'

const hash = (key: string): number => hashBytes(utf8(key))

function tableOf(model: ReadonlyMap<string, string>): StateTable {
  const table = new StateTable()
  for (const [key, value] of model) table.set(utf8(key), hash(key), utf8(value))
  return table
}

const textMap = (entries: Iterable<readonly [Uint8Array, Uint8Array, number]>) =>
  new Map([...entries].map(([key, value]) => [utf8Text(key), utf8Text(value)]))

const keys = fc.nat(30).map((n) => `k${String(n)}`)
const values = fc.nat(3).map((n) => 'v'.repeat(n))
const changes = fc.array(fc.tuple(keys, fc.option(values, { nil: undefined })), { maxLength: 80 })

function change(overlay: Overlay, model: Map<string, string>, key: string, value?: string): void {
  if (value === undefined) {
    expect(overlay.delete(utf8(key), hash(key))).toBe(model.delete(key))
    return
  }
  overlay.set(utf8(key), hash(key), utf8(value))
  model.set(key, value)
}

describe('an overlay', () => {
  it('shows base and changes as one, counts real changes, and merges to what it showed', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(keys, values)), changes, (start, list) => {
        const base = new Map(start)
        const model = new Map(start)
        const table = tableOf(base)
        const overlay = new Overlay(table)
        for (const [key, value] of list) {
          change(overlay, model, key, value)
          const seen = overlay.get(utf8(key), hash(key))
          expect(seen === undefined ? undefined : utf8Text(seen)).toBe(model.get(key))
          expect(overlay.size).toBe(model.size)
        }
        const all = new Set([...base.keys(), ...model.keys()])
        const changed = [...all].filter((key) => base.get(key) !== model.get(key))
        expect(overlay.changes).toBe(changed.length)
        expect(textMap(overlay.entries())).toEqual(model)
        expect(textMap(viewsOf(overlay.locatedOf(0, 0)))).toEqual(model)
        expect(textMap(table.entries())).toEqual(base)
        expect(overlay.encodeDelta(1, 0).length).toBe(overlay.deltaBytes)
        overlay.mergeInto(table)
        expect(textMap(table.entries())).toEqual(model)
      }),
      { numRuns: 300 },
    )
  })

  it('visits every key once with its value of that moment while keys are set and deleted', () => {
    const table = tableOf(new Map([...Array(50).keys()].map((n) => [`k${String(n)}`, 'old'])))
    const overlay = new Overlay(table)
    for (let n = 50; n < 60; n++)
      overlay.set(utf8(`k${String(n)}`), hash(`k${String(n)}`), utf8('old'))
    overlay.delete(utf8('k7'), hash('k7'))
    const visited: string[] = []
    for (const [key, value, h] of overlay.entries()) {
      expect(utf8Text(value)).toBe('old')
      visited.push(utf8Text(key))
      overlay.set(key.slice(), h, utf8('a much longer new value'))
      overlay.set(utf8(`new ${utf8Text(key)}`), hash(`new ${utf8Text(key)}`), utf8('x'))
    }
    const wanted = [...Array(60).keys()].filter((n) => n !== 7).map((n) => `k${String(n)}`)
    expect(visited.sort()).toEqual(wanted.sort())
    expect(overlay.size).toBe(118)
  })

  it('does not visit a key that was deleted before its turn', () => {
    const table = tableOf(new Map([...Array(20).keys()].map((n) => [`k${String(n)}`, 'v'])))
    const overlay = new Overlay(table)
    let visits = 0
    for (const [key] of overlay.entries()) {
      visits += 1
      const kept = utf8Text(key)
      for (let n = 0; n < 20; n++) {
        if (`k${String(n)}` !== kept) overlay.delete(utf8(`k${String(n)}`), hash(`k${String(n)}`))
      }
    }
    expect(visits).toBe(1)
    expect(overlay.size).toBe(1)
  })
})

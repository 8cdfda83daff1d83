/** How many connections an `http` input holds. */
import { describe, expect, it } from 'vitest'
import { connectionsMax } from '../../src/sources/http-server.ts'

describe('the connections of an input', () => {
  it('leave the engine the files it needs', () => {
    expect([200, 1024, 1 << 20, undefined, 2].map((n) => connectionsMax(n))).toEqual([
      50, 256, 4096, 4096, 1,
    ])
  })
})

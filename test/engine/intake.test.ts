/** When receiving pauses and when it goes on. */
import { describe, expect, it } from 'vitest'
import { Intake } from '../../src/engine/intake.ts'
import { SILENT } from '../../src/engine/settings.ts'
import { ManualClock } from '../../src/host/manual-clock.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'

class Place {
  pinned = 0
  free = 1000
  readonly clock = new ManualClock()
  readonly intake: Intake

  constructor() {
    const fs = Object.assign(new MemoryFileSystem(), {
      freeBytes: () => Promise.resolve(this.free),
    })
    this.intake = new Intake({
      host: { clock: this.clock, fs },
      directory: '/data',
      settings: { logQuotaBytes: 100, diskReserveBytes: 500 },
      pinnedBytes: () => this.pinned,
      log: SILENT,
    })
  }

  async passes(bytes = 0): Promise<boolean> {
    const passed = this.intake.pass(bytes).then(() => true)
    return await Promise.race([passed, this.clock.turn().then(() => false)])
  }
}

describe('the intake', () => {
  it('pauses at the quota until a tenth of it is free', async () => {
    const place = new Place()
    await place.intake.start()
    expect(await place.passes()).toBe(true)
    place.pinned = 100
    expect(await place.passes()).toBe(false)
    place.pinned = 95
    place.intake.onCleaned()
    expect(place.intake.paused).toBe('quota')
    place.pinned = 80
    place.intake.onCleaned()
    expect(await place.passes()).toBe(true)
    place.intake.stop()
  })

  it('lets no more pass at once than the quota has room for, and one block', async () => {
    const place = new Place()
    await place.intake.start()
    const [first, second] = await Promise.all([place.intake.pass(60), place.intake.pass(60)])
    expect(place.intake.paused).toBe('quota')
    const third = place.intake.pass(60)
    expect(await place.passes(60)).toBe(false)
    // The first is in the log; the second was there before, or failed.
    place.pinned = 60
    first()
    expect(place.intake.paused).toBe('quota')
    second()
    const passed = await third
    expect(place.intake.paused).toBe('quota')
    place.pinned = 20
    passed()
    expect(place.intake.paused).toBeUndefined()
    place.intake.stop()
  })

  it('pauses while less than the reserve is free, and goes on by itself', async () => {
    const place = new Place()
    await place.intake.start()
    place.free = 499
    await place.clock.advance(500)
    expect(place.intake.paused).toBe('disk')
    const waiting = place.intake.pass(0)
    place.free = 510
    await place.clock.advance(500)
    expect(place.intake.paused).toBe('disk')
    place.free = 600
    await place.clock.advance(500)
    await waiting
    expect(place.intake.paused).toBeUndefined()
    place.intake.stop()
  })

  it('knows the disk before it lets anyone pass', async () => {
    const place = new Place()
    place.free = 0
    await place.intake.start()
    expect(await place.passes()).toBe(false)
    place.intake.stop()
  })

  it('lets everyone pass at the end, when a source hands over what it holds', async () => {
    const place = new Place()
    place.free = 0
    await place.intake.start()
    const waiting = place.intake.pass(0)
    place.intake.stop()
    await waiting
    expect(await place.passes()).toBe(true)
    expect(place.clock.waiting).toBe(0)
  })
})

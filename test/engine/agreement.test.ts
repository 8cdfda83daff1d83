/** Log and checkpoint held against each other at a start. */
import { describe, expect, it } from 'vitest'
import { checkAgreement } from '../../src/engine/agreement.ts'

const digest = (n: number): Uint8Array => new Uint8Array(8).fill(n)
const root = { number: 7, digest: digest(7), previous: digest(6) }

describe('log and checkpoint', () => {
  it('agree when the log has no receipt, an older one, or the one of the newest commit', () => {
    checkAgreement(root, { cleanup: undefined })
    checkAgreement(root, { cleanup: { time: 1, commit: 6, digest: digest(6) } })
    checkAgreement(root, { cleanup: { time: 1, commit: 7, digest: digest(7) } })
    checkAgreement(root, { cleanup: { time: 1, commit: 5, digest: digest(9) } })
  })

  it('disagree when the log has the receipt of a commit that the checkpoint lost', () => {
    expect(() => {
      checkAgreement(root, { cleanup: { time: 1, commit: 8, digest: digest(8) } })
    }).toThrow(/receipt of commit 8, but the checkpoint ends at commit 7/)
  })

  it('disagree when the commit before the newest is another one than the log knows', () => {
    expect(() => {
      checkAgreement(root, { cleanup: { time: 1, commit: 6, digest: digest(9) } })
    }).toThrow(/commit 6 .* do not belong together/)
  })

  it('disagree when the newest commit is another one than the log knows', () => {
    expect(() => {
      checkAgreement(root, { cleanup: { time: 1, commit: 7, digest: digest(8) } })
    }).toThrow(/do not belong together/)
  })
})

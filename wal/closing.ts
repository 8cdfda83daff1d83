/** The last group of a log that was copied while it went on; it proves what lies before it. */
import { encodeGroup, GROUP_ROLE } from './group-format.ts'
import { GROUP_HEADER_BYTES } from './limits.ts'

export function closingGroup(position: number, epoch: number, identity: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(GROUP_HEADER_BYTES)
  const place = { position, epoch, durable: position, role: GROUP_ROLE.closing, identity }
  encodeGroup(bytes, place, [])
  return bytes
}

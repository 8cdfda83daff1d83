/**
 * From an input's shape to its running source. Direct inputs (queue, sequence) are read by position
 * and have none.
 */
import { MillraceError } from '../base/errors.ts'
import type { InputShape } from '../dstream/shape.ts'
import type { ReceiverHandle } from '../receiver/receiver.ts'
import type { SourceContext } from './context.ts'
import { customReceiver } from './custom.ts'
import { generatorReceiver } from './generator.ts'
import { httpReceiver } from './http.ts'
import { socketTextReceiver } from './socket-text.ts'

/** Throws `MR_CONFIG_INVALID` for parameters that make no sense. */
export function createReceiver(input: InputShape, context: SourceContext): ReceiverHandle {
  switch (input.kind) {
    case 'socketText':
      return socketTextReceiver(input, context)
    case 'http':
      return httpReceiver(input, context)
    case 'generator':
      return generatorReceiver(input, context)
    case 'receiver':
      return customReceiver(input, context)
    case 'queue':
    case 'sequence':
      throw new MillraceError(
        'MR_CONFIG_INVALID',
        `input '${input.uid}' of kind '${input.kind}' has no receiver: it is read by position`,
      )
  }
}

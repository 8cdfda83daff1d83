/**
 * What a program, and a process that embeds one, imports from `millrace`. Executors load this
 * module too, so what only an embedding process needs is loaded when it is asked for.
 */
import type { App } from './dstream/app.ts'
import type { StreamingContext as Builder } from './dstream/streaming-context.ts'
import type { ContextOptions, EmbeddedContext } from './engine/streaming-context.ts'

export { type Codec, json, structured } from './base/codec.ts'
export { type ErrorCode, MillraceError } from './base/errors.ts'
export type { Key, Pair } from './base/keys.ts'
export { days, type Duration, hours, millis, minutes, seconds } from './base/time.ts'
export type { Dataset } from './dataset/dataset.ts'
export { type App, type AppOptions, defineApp } from './dstream/app.ts'
export type { Receiver, ReceiverContext } from './dstream/custom-receiver.ts'
export type { BatchContext, DStream, PartitionContext, StateOptions } from './dstream/dstream.ts'
export type { Resource, ResourceOptions } from './dstream/resource.ts'
export type {
  BatchInfo,
  OutputOperationInfo,
  ReceiverInfo,
  StreamingListener,
} from './engine/listener-bus.ts'
export type { EngineSettings } from './engine/settings.ts'
export type { EngineStatus } from './engine/status.ts'
export type { ContextOptions, ContextState, EmbeddedContext } from './engine/streaming-context.ts'

/** What a program's function is handed. */
export type StreamingContext = Builder

/**
 * Programs embedded in a process of one's own; a daemon is started by the command `millrace run`.
 */
export const StreamingContext = {
  /**
   * A context on a data directory: what the directory holds is recovered at `start`, else a new one
   * is begun. `create` is always called: a program's functions cannot come from disk. Nothing is
   * touched before `start`.
   */
  async getOrCreate<P>(
    directory: string,
    create: () => App<P> | Promise<App<P>>,
    options: ContextOptions = {},
  ): Promise<EmbeddedContext> {
    return await embed(await create(), directory, options)
  },

  /**
   * A context without a directory: nothing outlives it; programs with state are refused at start.
   */
  async create<P>(app: App<P>, options: ContextOptions = {}): Promise<EmbeddedContext> {
    return await embed(app, undefined, options)
  },
}

async function embed(
  app: App<unknown>,
  directory: string | undefined,
  options: ContextOptions,
): Promise<EmbeddedContext> {
  const [{ EmbeddedContext: Context }, { nodeHost }, { nodePrint }] = await Promise.all([
    import('./engine/streaming-context.ts'),
    import('./host/node-host.ts'),
    import('./host/node-output.ts'),
  ])
  return new Context({ host: nodeHost, print: nodePrint }, app, directory, options)
}

/**
 * What a program is handed (by custom as `ssc`): where its streams come from. Inputs with a uid
 * keep their place in log and checkpoint across changes of the program; without one it is derived
 * from the order of creation.
 */
import type { Duration } from '../base/time.ts'
import type { Dataset } from '../dataset/dataset.ts'
import type { Receiver } from './custom-receiver.ts'
import type { BatchContext, DStream } from './dstream.ts'
import type { Resource, ResourceOptions } from './resource.ts'

export interface StreamingContext {
  readonly batchInterval: Duration
  /** Lines of UTF-8 text from a TCP server, each ended by "\n". Reconnects by itself. */
  socketTextStream(host: string, port: number, options?: InputOptions): DStream<string>
  /**
   * Lines of text that are POSTed to an HTTP server which this input opens; answered when durable.
   */
  httpStream(options: HttpInputOptions): DStream<string>
  /**
   * Lines of text that the server makes itself: for trying things out. The same lines in every run.
   */
  generatorStream(options?: GeneratorInputOptions): DStream<string>
  /** Records of a source of one's own; `make` is called in the receiver's process. */
  receiverStream<T>(options: InputOptions, make: () => Receiver<T>): DStream<T>
  /**
   * Datasets pushed to `queue` by this very process: one a batch (default), or all that are there.
   * When it is empty, the rows of `fallback` (default: none). Cannot be recovered, so it is refused
   * where there is a checkpoint.
   */
  queueStream<T>(queue: (readonly T[])[], oneAtATime?: boolean, fallback?: readonly T[]): DStream<T>
  /**
   * Given batches, which any process can read again: batch k gives `batches[k]`, null no dataset,
   * past the end `[]`.
   */
  sequenceStream<T>(options: SequenceInputOptions<T>): DStream<T>
  union<T>(streams: readonly DStream<T>[]): DStream<T>
  /** Any dataset from those of several streams. */
  transform<T, U>(
    streams: readonly DStream<T>[],
    f: (datasets: readonly Dataset<T>[], context: BatchContext) => Dataset<U> | Promise<Dataset<U>>,
  ): DStream<U>
  /** Something opened once per process and shared by partitions and batches. */
  resource<R>(options: ResourceOptions<R>): Resource<R>
}

export interface InputOptions {
  /** Names the input. Default: derived. */
  readonly uid?: string
}

export interface HttpInputOptions extends InputOptions {
  /** Port to listen on; 0 takes a free one. */
  readonly port: number
  /** Default: 127.0.0.1. */
  readonly host?: string
  /** Default: `/`. */
  readonly path?: string
}

export interface GeneratorInputOptions extends InputOptions {
  /** Default: the source's own. */
  readonly linesPerSecond?: number
  /** Stops after so many lines. Default: never. */
  readonly lines?: number
  /** Another seed, another text. */
  readonly seed?: number
}

export interface SequenceInputOptions<T> extends InputOptions {
  /** Partitions each batch is cut into. Default: 2. */
  readonly partitions?: number
  readonly batches: readonly (readonly T[] | null)[]
}

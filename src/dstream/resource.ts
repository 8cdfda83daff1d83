/**
 * What a program opens once per process and shares between batches: a connection pool, a client.
 */

export interface Resource<R> {
  readonly uid: string
  /**
   * Not for programs: the open resource; the first call opens it. A failed opening may be tried
   * again.
   */
  acquire(): Promise<R>
  /** Not for programs: closes it if it is open. */
  release(): Promise<void>
}

export interface ResourceOptions<R> {
  readonly uid: string
  readonly open: () => Promise<R> | R
  readonly close: (resource: R) => Promise<void> | void
}

export function makeResource<R>(options: ResourceOptions<R>): Resource<R> {
  let opened: Promise<R> | undefined
  return {
    uid: options.uid,
    acquire() {
      opened ??= open(options).catch((error: unknown) => {
        opened = undefined
        throw error
      })
      return opened
    },
    async release() {
      const closing = opened
      opened = undefined
      if (closing !== undefined) await options.close(await closing)
    },
  }
}

async function open<R>(options: ResourceOptions<R>): Promise<R> {
  return await options.open()
}

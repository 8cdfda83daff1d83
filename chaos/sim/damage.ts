/** What is wrong with the bytes of a file, and who has to make it good. */

export interface Damage {
  readonly what: string
  /** The engine itself has to mend it. */
  readonly isMended: boolean
  /** Whether opening may refuse with this error. */
  mayRefuse(error: string): boolean
  /** Makes it as it was, where the damage is still to be found. */
  putBack(): void
}

/** Of damage in the proven part of the log. */
export const mayRefuseLog = (error: string): boolean =>
  /MR_LOG_DAMAGED|MR_DIRECTORY_|the log is damaged/.test(error)

/** Every bound of the tail; tests set their own. */
export interface TailLimits {
  /** Files that are followed; further ones wait until others are gone. */
  files: number
  /** Files that are open at once. */
  open: number
  /** Pieces in the queue that are not safe yet, of all files together: each costs memory beside its bytes. */
  pieces: number
  /** How long a file that no path leads to is read on after its last growth, ms: its writer may not know yet. */
  grace: number
  /** How long it is remembered how far such a file was read, should it come back, ms. */
  memory: number
  /** Between two looks at all folders, ms. */
  interval: number
}

export const tailLimits: TailLimits = {
  files: 20_000,
  open: 1_000,
  pieces: 4_096,
  grace: 30_000,
  memory: 600_000,
  interval: 1_000,
}

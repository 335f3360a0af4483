/** For `remove`: what is gone already need not be removed. Throws every other failure again. */
export function unlessAbsent(error: unknown): void {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
  throw error
}

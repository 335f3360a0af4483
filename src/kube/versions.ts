/**
 * Resource versions of one resource are numbers in the order of its changes (KEP-5504), beyond what a double holds.
 * Negative where `a` is older.
 */
export function compareVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length
  return a < b ? -1 : a > b ? 1 : 0
}

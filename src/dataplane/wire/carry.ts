/** How much of an event over the limit is kept for the dead-letter file. */
export const headBytes = 1024

const carriageReturn = 0x0d
const nothing: Buffer = Buffer.alloc(0)

/**
 * The beginning of a line or element whose end has not come yet, in one growing buffer: a list of pieces would cost a hundred times
 * its bytes when they come one by one. Of a line over `maxLine` (and its CR) only the head is kept, the rest is counted.
 */
export function createCarry(maxLine: number) {
  let buffer = nothing
  let kept = 0
  let length = 0
  let endsInReturn = false
  const limit = Math.max(maxLine, headBytes) + 1
  return {
    get length(): number {
      return length
    },
    add(piece: Buffer): void {
      if (piece.length === 0) return
      length += piece.length
      endsInReturn = piece.at(-1) === carriageReturn
      const room = length > limit ? Math.max(0, headBytes - kept) : piece.length
      const part = Math.min(room, piece.length)
      if (kept + part > buffer.length) {
        const larger = Buffer.allocUnsafe(Math.max(kept + part, buffer.length * 2, 1024))
        buffer.copy(larger, 0, 0, kept)
        buffer = larger
      }
      kept += piece.copy(buffer, kept, 0, part)
      if (length > limit && buffer.length > headBytes) {
        kept = Math.min(kept, headBytes)
        buffer = Buffer.from(buffer.subarray(0, kept))
      }
    },
    /** `bytes` is the whole line, or its head alone when it was over the limit: then `length` is larger. */
    take(): { bytes: Buffer; length: number } {
      const over = length > kept
      const taken = {
        bytes: buffer.subarray(0, kept),
        length: over && endsInReturn ? length - 1 : length,
      }
      buffer = nothing
      kept = 0
      length = 0
      return taken
    },
  }
}

/** Chunks → JSON values, one a line. Chunks may end within a character, and lines may be longer than many chunks. */

export interface LineDecoder {
  /** The values of the lines that this chunk completes. Throws a SyntaxError at a line that is no JSON. */
  take(chunk: Buffer): unknown[]
}

/** An object is at most 1.5 MiB in etcd, some more as JSON; what has no end far beyond that is no watch. */
const maxLine = 64 * 1024 * 1024

export function createLineDecoder(): LineDecoder {
  let pieces: Buffer[] = []
  let size = 0

  return {
    take(chunk) {
      const values: unknown[] = []
      let start = 0
      for (;;) {
        const end = chunk.indexOf(0x0a, start)
        if (end < 0) break
        pieces.push(chunk.subarray(start, end))
        const line = pieces.length === 1 ? pieces[0]?.toString() : Buffer.concat(pieces).toString()
        pieces = []
        size = 0
        start = end + 1
        if (line !== undefined && line.trim() !== '') values.push(JSON.parse(line))
      }
      if (start < chunk.length) {
        pieces.push(chunk.subarray(start))
        size += chunk.length - start
        if (size > maxLine) throw new SyntaxError(`A line has more than ${maxLine} bytes`)
      }
      return values
    },
  }
}

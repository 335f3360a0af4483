/**
 * The file of checkpoints: a first line that says how many of them were written before and what the rest must hash to,
 * then one JSON array, one file a line.
 */
import { hash } from 'node:crypto'
import { messageOf } from '../../../../errors.ts'
import type { Fingerprint } from './fingerprint.ts'

/** How far one file is safe, as it outlives the process. */
export interface Checkpoint {
  path: string
  device: string
  inode: string
  fingerprint: Fingerprint
  /** Bytes from its beginning, at a line's beginning. */
  offset: number
  /** Of the last bytes before `offset`. */
  tail: Fingerprint
  /** Bytes that the file had when it was looked at last. */
  size: number
}

export interface CheckpointFile {
  /** Counts up with each writing. */
  generation: number
  checkpoints: Checkpoint[]
}

const format = 'logstash-link checkpoints 1'

export function encodeCheckpoints({ generation, checkpoints }: CheckpointFile): Buffer {
  const body = `[${checkpoints.map((each) => JSON.stringify(each)).join(',\n')}]\n`
  return Buffer.from(`${format} ${generation} ${hash('sha256', body)}\n${body}`)
}

/** Says in words what is wrong with a file that is not as it was written. */
export function decodeCheckpoints(bytes: Buffer): CheckpointFile | { damage: string } {
  const text = bytes.toString('utf8')
  const end = text.indexOf('\n')
  const header = /^logstash-link checkpoints 1 (\d{1,15}) ([0-9a-f]{64})$/.exec(text.slice(0, end))
  if (end === -1 || !header) return { damage: `its first line is not \`${format} …\`` }
  const body = text.slice(end + 1)
  if (hash('sha256', body) !== header[2]) return { damage: 'its checksum does not match' }
  try {
    return { generation: Number(header[1]), checkpoints: JSON.parse(body) as Checkpoint[] }
  } catch (error) {
    return { damage: messageOf(error) }
  }
}

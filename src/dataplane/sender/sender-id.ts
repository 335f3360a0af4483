import { randomBytes } from 'node:crypto'
import type { SenderSettings } from '../../api/sidecar-config.ts'

/** Never the same twice. Says in a receiver's log whose batch it was; only characters that the batch key allows. */
export function newSenderId({ pod }: SenderSettings): string {
  const name = pod?.name.replaceAll(/[^\w.-]/g, '_').slice(0, 100)
  return `${name || 'sender'}-${randomBytes(6).toString('hex')}`
}

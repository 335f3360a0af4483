import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

/** The addresses by which others reach a program that listens on `host`. */
export function ownAddresses(host: string): string[] {
  const any = host === '0.0.0.0' || host === '::' || host === ''
  if (!any && isIP(host) !== 0) return [host]
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address)
}

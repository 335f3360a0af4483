/**
 * The world's certificates as files that are replaced as the kubelet replaces a Secret's: an authority in the bundle, a
 * leaf for each receiver and, where asked for, one for each sender.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Authority, createAuthority } from '../../src/local/ca/issue.ts'
import { type ProgramName } from './schedule.ts'

export interface Certificates {
  bundle: string
  certOf(name: ProgramName): string
  keyOf(name: ProgramName): string
  renew(name: ProgramName): Promise<void>
  /** A new authority, told to everyone beside the old one. */
  addAuthority(): Promise<void>
  /** Leaves are signed by the newest authority from here on. */
  useNewest(): void
  dropOldest(): void
}

/** `fs.rename` in place: no reader ever finds half a file. */
export function replaceFile(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.new`, content, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

export async function createCertificates(folder: string, address: string): Promise<Certificates> {
  let authorities = [await newAuthority()]
  let [signer] = authorities
  const bundle = join(folder, 'ca.crt')
  const writeBundle = (): void =>
    replaceFile(bundle, authorities.map(({ caPem }) => caPem).join(''))
  const pathOf = (name: ProgramName, ending: string): string => join(folder, name, `tls.${ending}`)
  writeBundle()
  return {
    bundle,
    certOf: (name) => pathOf(name, 'crt'),
    keyOf: (name) => pathOf(name, 'key'),
    async renew(name) {
      const leaf = await signer?.issue({
        dnsNames: [],
        ipAddresses: [address],
        days: 2,
        usages: [name.startsWith('sender') ? 'client auth' : 'server auth'],
      })
      replaceFile(pathOf(name, 'crt'), leaf?.certPem ?? '')
      replaceFile(pathOf(name, 'key'), leaf?.keyPem ?? '')
    },
    async addAuthority() {
      authorities = [...authorities, await newAuthority()]
      writeBundle()
    },
    useNewest() {
      signer = authorities.at(-1)
    },
    dropOldest() {
      authorities = authorities.slice(1)
      writeBundle()
    },
  }
}

function newAuthority(): Promise<Authority> {
  return createAuthority({ commonName: 'faults', now: aDayAgo, days: 3 })
}

/** Of clocks that jump back by a day none takes them for not valid yet. */
function aDayAgo(): Date {
  return new Date(Date.now() - 24 * 60 * 60 * 1000)
}

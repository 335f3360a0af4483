/** Authorities and leaves for tests, valid for 127.0.0.1 and ::1 and localhost unless told otherwise. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createAuthority,
  type Authority,
  type Issued,
  type KeyAlgorithm,
} from '../../src/local/ca/issue.ts'
import { encodeKeystore, encodeTruststore } from '../../src/local/ca/pkcs12.ts'

interface LeafWishes {
  dnsNames?: string[]
  ipAddresses?: string[]
  /** From now; negative: it has ended already. */
  days?: number
  algorithm?: KeyAlgorithm
}

export interface TestAuthority extends Authority {
  leaf(wishes?: LeafWishes): Promise<Issued>
}

/** An authority that signs leaves for both sides of a connection. */
export async function makeTestAuthority(
  options: { commonName?: string; algorithm?: KeyAlgorithm; parent?: Authority } = {},
): Promise<TestAuthority> {
  const past = new Date(Date.now() - 10 * 24 * 60 * 60 * 1000)
  const authority = await createAuthority({
    commonName: 'Test authority',
    // From some days ago, so that leaves may have ended already.
    now: () => past,
    days: 365,
    ...options,
  })
  return {
    ...authority,
    leaf: ({ days = 30, algorithm = 'EC', ...names } = {}) =>
      authority.issue({
        dnsNames: ['localhost'],
        ipAddresses: ['127.0.0.1', '::1'],
        usages: ['server auth', 'client auth'],
        notAfter: new Date(Date.now() + days * 24 * 60 * 60 * 1000),
        algorithm,
        ...names,
      }),
  }
}

export interface TestFolder {
  path(name: string): string
  /** Puts the file in place at once, as a rename; returns its path. */
  write(name: string, content: string | Buffer): string
}

/** A folder that goes away with the test. */
export function testFolder(t: { after(done: () => void): void }): TestFolder {
  const root = mkdtempSync(join(tmpdir(), 'tls-'))
  t.after(() => rmSync(root, { recursive: true }))
  const path = (name: string): string => join(root, name)
  return {
    path,
    write: (name, content) => {
      writeFileSync(path(`${name}.new`), content)
      renameSync(path(`${name}.new`), path(name))
      return path(name)
    },
  }
}

/** tls.crt, tls.key and ca.crt as in a Secret of cert-manager, identity.p12 and truststore.p12 beside them. */
export function writeIdentity(
  folder: TestFolder,
  authority: Authority,
  issued: Issued,
  password = 'changeit',
): { cert: string; key: string; ca: string; keystore: string; truststore: string } {
  return {
    cert: folder.write('tls.crt', issued.certPem),
    key: folder.write('tls.key', issued.keyPem),
    ca: folder.write('ca.crt', authority.caPem),
    keystore: folder.write(
      'identity.p12',
      encodeKeystore({ ...issued, caPem: authority.caPem, password }),
    ),
    truststore: folder.write(
      'truststore.p12',
      encodeTruststore({ caPems: [authority.caPem], password }),
    ),
  }
}

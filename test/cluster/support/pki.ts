/** The test cluster's authority, what it signs, and the kubeconfigs that carry it. By openssl 3. */
import { execFile } from 'node:child_process'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

interface CertificateFiles {
  cert: string
  key: string
}

/** What a later process needs to sign further clients. */
export interface Authority {
  ca: CertificateFiles
  /** A client certificate: common name is the user, organizations are the groups. */
  client(user: string, groups?: readonly string[]): Promise<CertificateFiles>
}

export interface Pki extends Authority {
  /** Of the API server. */
  serving: CertificateFiles
  /** With which tokens of service accounts are signed and checked. */
  serviceAccountKey: string
}

export async function createPki(folder: string): Promise<Pki> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const authority = openAuthority(folder)
  await make(authority.ca, '/CN=test-cluster', [
    'basicConstraints=critical,CA:TRUE',
    'keyUsage=critical,keyCertSign,cRLSign',
  ])
  const serviceAccountKey = join(folder, 'service-account.key')
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  writeFileSync(serviceAccountKey, privateKey.export({ type: 'sec1', format: 'pem' }))
  const serving = filesOf(folder, 'serving')
  const names = 'subjectAltName=DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1'
  await make(serving, '/CN=kube-apiserver', ['extendedKeyUsage=serverAuth', names], authority.ca)
  return { ...authority, serving, serviceAccountKey }
}

/** The authority that createPki made in this folder. */
export function openAuthority(folder: string): Authority {
  const ca = filesOf(folder, 'ca')
  return {
    ca,
    async client(user, groups = []) {
      const files = filesOf(folder, `client-${randomUUID()}`)
      const subject = [...groups.map((group) => `/O=${escaped(group)}`), `/CN=${escaped(user)}`]
      await make(files, subject.join(''), ['extendedKeyUsage=clientAuth'], ca)
      return files
    },
  }
}

function filesOf(folder: string, name: string): CertificateFiles {
  return { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
}

/** Signs itself without an authority. */
async function make(
  { cert, key }: CertificateFiles,
  subject: string,
  extensions: readonly string[],
  ca?: CertificateFiles,
): Promise<void> {
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-days', '365', '-keyout', key, '-out', cert, '-subj', subject],
    ...(ca === undefined
      ? []
      : ['-CA', ca.cert, '-CAkey', ca.key, '-addext', 'basicConstraints=critical,CA:FALSE']),
    ...extensions.flatMap((extension) => ['-addext', extension]),
  ])
}

type Identity = { files: CertificateFiles } | { token: string }

/** A kubeconfig with one cluster and one user. */
export function writeKubeconfig(
  path: string,
  { url, ca, identity }: { url: string; ca: string; identity: Identity },
): string {
  const user =
    'token' in identity
      ? { token: identity.token }
      : { 'client-certificate': identity.files.cert, 'client-key': identity.files.key }
  const name = 'test-cluster'
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url, 'certificate-authority': ca } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  }
  // JSON is YAML.
  writeFileSync(path, JSON.stringify(config, undefined, 2), { mode: 0o600 })
  return path
}

function escaped(name: string): string {
  return name.replaceAll(/[\\/+]/g, String.raw`\$&`)
}

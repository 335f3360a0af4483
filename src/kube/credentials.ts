/** What is shown to the API server, read anew every few seconds: tokens and certificates change in their files. */
import { readFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import type { ExecAuth } from '@kubernetes/client-node/dist/exec_auth.js'
import type { KubeClock } from './clock.ts'
import type { KubeAccess, Material } from './kube-config.ts'

export interface Credentials {
  server: string
  headers: Record<string, string>
  tls: {
    ca?: Buffer | string
    cert?: Buffer | string
    key?: Buffer | string
    servername?: string
    rejectUnauthorized: boolean
  }
  proxy?: string
  /** Changes with whatever needs new connections. */
  digest: string
}

export interface CredentialsSource {
  /** Rejects where a file cannot be read or the plugin fails. */
  current(): Promise<Credentials>
  /** The server does not take them: all is read anew, the kubeconfig and the plugin's answer too. */
  forget(): void
}

/** For how long what was read is used again: far less than the minute that kubelets and issuers leave. */
const freshMs = 10_000

export function createCredentialsSource(options: {
  load: () => KubeAccess
  clock: KubeClock
}): CredentialsSource {
  const { load, clock } = options
  let access = load()
  let plugin: Promise<ExecAuth> | undefined
  let cached: { at: number; credentials: Promise<Credentials> } | undefined

  const read = async (): Promise<Credentials> => {
    const { server, serverName, insecure, proxy, basic, exec, impersonate } = access
    const [ca, cert, key] = await Promise.all([access.ca, access.cert, access.key].map(bytesOf))
    const headers: Record<string, string> = {}
    const tls: Credentials['tls'] = {
      rejectUnauthorized: !insecure,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
    }
    const token =
      access.tokenFile === undefined
        ? access.token
        : (await readFile(access.tokenFile, 'utf8')).trim()
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`
    else if (basic !== undefined) {
      const pair = Buffer.from(`${basic.username}:${basic.password}`).toString('base64')
      headers['authorization'] = `Basic ${pair}`
    } else if (exec !== undefined) {
      plugin ??= import('@kubernetes/client-node/dist/exec_auth.js').then(
        ({ ExecAuth: Plugin }) => new Plugin(),
      )
      const shown: { headers: Record<string, string>; cert?: string; key?: string } = {
        headers: {},
      }
      const user = { name: 'exec', exec } as Parameters<ExecAuth['applyAuthentication']>[0]
      await (await plugin).applyAuthentication(user, shown)
      for (const [name, value] of Object.entries(shown.headers)) headers[name.toLowerCase()] = value
      if (shown.cert !== undefined) tls.cert = shown.cert
      if (shown.key !== undefined) tls.key = shown.key
    }
    if (impersonate !== undefined) headers['impersonate-user'] = impersonate
    return {
      server,
      headers,
      tls,
      ...(proxy === undefined ? {} : { proxy }),
      digest: digestOf(server, proxy, tls),
    }
  }

  return {
    current() {
      const now = clock.now()
      if (cached === undefined || now - cached.at >= freshMs) {
        const credentials = read()
        const entry = { at: now, credentials }
        cached = entry
        credentials.catch(() => {
          if (cached === entry) cached = undefined
        })
      }
      return cached.credentials
    },
    forget() {
      cached = undefined
      plugin = undefined
      access = load()
    },
  }
}

async function bytesOf(material: Material | undefined): Promise<Buffer | undefined> {
  if (material === undefined) return undefined
  return 'file' in material ? readFile(material.file) : Buffer.from(material.base64, 'base64')
}

function digestOf(server: string, proxy: string | undefined, tls: Credentials['tls']): string {
  const hash = createHash('sha256').update(JSON.stringify([server, proxy, tls.servername]))
  for (const part of [tls.ca, tls.cert, tls.key]) hash.update(part ?? '').update('\0')
  return hash.digest('hex')
}

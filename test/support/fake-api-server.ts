/**
 * An API server that misbehaves on request: real sockets, one collection per path, versions that grow, watches that a test
 * can mute, cut or feed with bytes of its own. What it does well it does as the real one (pages, bookmarks, Status).
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createSecureServer } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { stringify } from 'yaml'
import type { KubeObject } from '../../src/api/objects.ts'
import { testFolder, type TestAuthority } from './certificates.ts'

export interface SeenRequest {
  method: string
  path: string
  query: URLSearchParams
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** What a test answers in the server's place; `hang`: nothing, for ever. */
export type Reply =
  | { status: number; body?: unknown; headers?: Record<string, string> }
  | 'hang'
  | 'reset'

interface OpenWatch {
  path: string
  query: URLSearchParams
  /** Bytes as they are. */
  write(bytes: string | Buffer): void
  bookmark(): void
  /** In good order, as after timeoutSeconds. */
  end(): void
  /** As when the server dies. */
  cut(): void
}

export interface FakeApiServer {
  port: number
  /** Path of a kubeconfig. */
  kubeconfig: string
  requests: SeenRequest[]
  /** Those that are open now. */
  watches: OpenWatch[]
  /** Connections that were ever opened. */
  connections(): number
  /** Creates or changes; `told` false: watches hear nothing of it. Collections are named as in a path. */
  put(collection: string, object: KubeObject, options?: { told?: boolean }): KubeObject
  remove(collection: string, name: string, options?: { told?: boolean }): void
  /** Watches from before now are answered with 410, pages too. */
  compact(): void
  /** Asked first for each request; undefined leaves it to the server. */
  intercept(reply: (request: SeenRequest) => Reply | undefined | Promise<Reply | undefined>): void
}

const isCollection = /^\/(api|apis\/[^/]+)\/[^/]+(\/namespaces\/[^/]+)?\/[^/]+$/

interface Change {
  collection: string
  version: number
  type: string
  object: KubeObject
}

export async function startFakeApiServer(
  t: TestContext,
  { authority, user = {} }: { authority?: TestAuthority; user?: object } = {},
): Promise<FakeApiServer> {
  const collections = new Map<string, Map<string, KubeObject>>()
  const changes: Change[] = []
  const requests: SeenRequest[] = []
  const watches: OpenWatch[] = []
  const listeners = new Set<(change: Change) => void>()
  const sockets = new Set<Socket>()
  let [version, compacted, connections] = [100, 0, 0]
  let intercept: Parameters<FakeApiServer['intercept']>[0] | undefined

  const objectsOf = (collection: string) => {
    const objects = collections.get(collection) ?? new Map<string, KubeObject>()
    collections.set(collection, objects)
    return objects
  }

  const change = (collection: string, type: string, object: KubeObject, told: boolean) => {
    version += 1
    const metadata = { ...object.metadata, resourceVersion: String(version) }
    const made = { collection, version, type, object: { ...object, metadata } }
    if (told) changes.push(made)
    if (told) for (const listener of listeners) listener(made)
    return made.object
  }

  const list = (path: string, query: URLSearchParams, response: ServerResponse) => {
    const [from = 0, at = version] = (query.get('continue') ?? '')
      .split('@')
      .filter(Boolean)
      .map(Number)
    if (at < compacted) return gone(response)
    const limit = Number(query.get('limit') ?? Number.POSITIVE_INFINITY)
    const all = [...objectsOf(path).values()]
    const items = all.slice(from, from + limit)
    const next = from + limit < all.length ? { continue: `${from + limit}@${at}` } : {}
    answer(response, 200, {
      kind: 'List',
      metadata: { resourceVersion: String(at), ...next },
      items,
    })
  }

  const watch = (path: string, query: URLSearchParams, response: ServerResponse) => {
    const since = Number(query.get('resourceVersion'))
    if (since < compacted) return gone(response)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write('')
    const tell = ({ collection, type, object, version: at }: Change) => {
      if (collection === path && at > since) write(`${JSON.stringify({ type, object })}\n`)
    }
    const write = (bytes: string | Buffer) => void response.write(bytes)
    const bookmark = () => {
      const metadata = { resourceVersion: String(version) }
      write(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata } })}\n`)
    }
    const cut = () => void response.socket?.destroy()
    const open: OpenWatch = { path, query, write, bookmark, cut, end: () => void response.end() }
    for (const made of changes) tell(made)
    listeners.add(tell)
    watches.push(open)
    response.once('close', () => {
      listeners.delete(tell)
      watches.splice(watches.indexOf(open), 1)
    })
  }

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://fake')
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const { method = 'GET', headers } = request
    const seen: SeenRequest = { method, path, query, headers, body }
    requests.push(seen)
    const reply = await intercept?.(seen)
    if (reply === 'hang') return
    if (reply === 'reset') return void response.socket?.destroy()
    if (reply !== undefined) return answer(response, reply.status, reply.body ?? {}, reply.headers)
    const [collection, name] = [path.slice(0, path.lastIndexOf('/')), path.split('/').at(-1) ?? '']
    const object = collections.get(collection)?.get(name)
    if (method === 'PATCH' || method === 'POST') {
      return answer(
        response,
        200,
        server.put(method === 'POST' ? path : collection, JSON.parse(body)),
      )
    }
    if (method === 'DELETE' && object !== undefined) {
      server.remove(collection, name)
      return answer(response, 200, { kind: 'Status', details: { uid: object.metadata.uid } })
    }
    if (object !== undefined) return answer(response, 200, object)
    if (!isCollection.test(path))
      return answer(response, 404, status(404, 'NotFound', `${name} not found`))
    return query.has('watch') ? watch(path, query, response) : list(path, query, response)
  }

  const leaf = await authority?.leaf()
  const handle = (request: IncomingMessage, response: ServerResponse) =>
    void serve(request, response)
  // The HTTP/2 module's own requests and responses behave as those of HTTP/1.1 here; only their types differ.
  const compatible = handle as unknown as Parameters<typeof createSecureServer>[1]
  const listener =
    leaf === undefined
      ? createServer(handle)
      : createSecureServer({ cert: leaf.certPem, key: leaf.keyPem, allowHTTP1: true }, compatible)
  listener.on('connection', (socket: Socket) => {
    connections += 1
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })

  const kubeconfig = testFolder(t).write(
    'kubeconfig',
    kubeconfigText(port, authority === undefined ? undefined : authority.caPem, user),
  )
  const server: FakeApiServer = {
    port,
    kubeconfig,
    requests,
    watches,
    connections: () => connections,
    put(collection, object, { told = true } = {}) {
      const { name } = object.metadata
      const objects = objectsOf(collection)
      const before = objects.get(name)
      const uid = before?.metadata.uid ?? `uid-${version}`
      const metadata = { ...object.metadata, uid }
      const type = before === undefined ? 'ADDED' : 'MODIFIED'
      const made = change(collection, type, { ...object, metadata }, told)
      objects.set(name, made)
      return made
    },
    remove(collection, name, { told = true } = {}) {
      const object = objectsOf(collection).get(name)
      if (object === undefined) return
      objectsOf(collection).delete(name)
      change(collection, 'DELETED', object, told)
    },
    compact() {
      version += 1
      compacted = version
      changes.length = 0
    },
    intercept(reply) {
      intercept = reply
    },
  }
  return server
}

/** A kubeconfig for a server on this machine. */
export function kubeconfigText(port: number, ca: string | undefined, user: object): string {
  const cluster =
    ca === undefined
      ? { server: `http://127.0.0.1:${port}` }
      : {
          server: `https://127.0.0.1:${port}`,
          'certificate-authority-data': Buffer.from(ca).toString('base64'),
        }
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'test', user }],
  })
}

export function status(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message }
}

function gone(response: ServerResponse): void {
  answer(response, 410, status(410, 'Expired', 'too old resource version'))
}

function answer(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

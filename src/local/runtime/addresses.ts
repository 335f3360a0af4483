/**
 * Each pod its own loopback address: 127.x.y.z, as the whole of 127.0.0.0/8 is this machine on Linux. An address is
 * claimed by listening on one port of it that nothing else uses, so that several `local` on one machine do not share any.
 *
 * Elsewhere only 127.0.0.1 exists: then all pods have that, and each of their ports is mapped to a free one, of which
 * containers are told by LOGSTASH_LINK_PORTS (`9800=41001,8080=41002`).
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { TerminalError } from '../../errors.ts'

export interface PodAddress {
  ip: string
  /** The port to use on `ip` for a port that the pod's containers name. */
  port(wanted: number): number
  /** Port of the pod → port of the machine; empty where pods have addresses of their own. */
  mapped: ReadonlyMap<number, number>
  release(): Promise<void>
}

export interface Addresses {
  /** @param seed the same seed gets the same address as long as it is free. @param ports all that the containers name. */
  claim(seed: string, ports: readonly number[]): Promise<PodAddress>
}

/** Outside of the ranges that systems give out by themselves (32768–60999 on Linux). */
const claimPort = 65123
const attempts = 200

/** @param shared true: 127.0.0.1 for all. Default: as the system can. */
export function createAddresses(shared = process.platform !== 'linux'): Addresses {
  return shared ? { claim: (_seed, ports) => claimPorts(ports) } : { claim: claimAddress }
}

async function claimAddress(seed: string): Promise<PodAddress> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const ip = candidate(seed, attempt)
    const server = await listenOn(ip, claimPort)
    if (server === undefined) continue
    return { ip, port: (wanted) => wanted, mapped: new Map(), release: () => close(server) }
  }
  throw new TerminalError('LSL_LOCAL_NO_ADDRESS', [attempts, claimPort])
}

/** 127.16.0.2 to 127.239.255.254: away from 127.0.0.1 and from what systems use (127.0.0.53, 127.0.1.1). */
function candidate(seed: string, attempt: number): string {
  const hash = createHash('sha256').update(`${seed} ${attempt}`).digest()
  const [a = 0, b = 0, c = 0] = hash
  return `127.${16 + (a % 224)}.${b}.${2 + (c % 253)}`
}

async function claimPorts(ports: readonly number[]): Promise<PodAddress> {
  const mapped = new Map<number, number>()
  const servers: Server[] = []
  for (const port of ports) {
    const server = await listenOn('127.0.0.1', 0)
    const address = server?.address()
    if (server === undefined || typeof address !== 'object' || address === null) {
      throw new TerminalError('LSL_LOCAL_NO_ADDRESS', [1, 0])
    }
    servers.push(server)
    mapped.set(port, address.port)
  }
  // All were open at once, so they differ; from here on they are the containers' to take.
  await Promise.all(servers.map(close))
  return {
    ip: '127.0.0.1',
    port: (wanted) => mapped.get(wanted) ?? wanted,
    mapped,
    release: async () => {},
  }
}

async function listenOn(host: string, port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy())
  server.listen({ host, port, exclusive: true })
  try {
    await once(server, 'listening')
    server.unref()
    return server
  } catch {
    // Taken, or not an address of this machine: the caller goes on to the next.
    return undefined
  }
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  await closed
}

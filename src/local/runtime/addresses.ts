/**
 * Each pod its own loopback address: 127.x.y.z, as the whole of 127.0.0.0/8 is this machine on Linux. An address is
 * claimed by listening on one port of it that nothing else uses, so that several `local` on one machine do not share any.
 * Elsewhere only 127.0.0.1 exists: all pods have that, and ports of their own (port-mapping.ts).
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { TerminalError } from '../../errors.ts'

export interface PodAddress {
  ip: string
  release(): Promise<void>
}

export interface Addresses {
  /** @param seed the same seed gets the same address as long as it is free */
  claim(seed: string): Promise<PodAddress>
}

/** Outside of the ranges that systems give out by themselves (32768–60999 on Linux). */
const claimPort = 65123
const attempts = 200

/** Whether pods can have addresses of their own here. */
export const hasOwnAddresses = process.platform === 'linux'

/** @param shared true: 127.0.0.1 for all */
export function createAddresses(shared: boolean): Addresses {
  const loopback: PodAddress = { ip: '127.0.0.1', release: async () => {} }
  return { claim: shared ? async () => loopback : claimAddress }
}

async function claimAddress(seed: string): Promise<PodAddress> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const ip = candidate(seed, attempt)
    const server = await listenOn(ip, claimPort)
    if (server === undefined) continue
    return { ip, release: () => close(server) }
  }
  throw new TerminalError('LSL_LOCAL_NO_ADDRESS', [attempts, claimPort])
}

/** 127.16.0.2 to 127.239.255.254: away from 127.0.0.1 and from what systems use (127.0.0.53, 127.0.1.1). */
function candidate(seed: string, attempt: number): string {
  const hash = createHash('sha256').update(`${seed} ${attempt}`).digest()
  const [a = 0, b = 0, c = 0] = hash
  return `127.${16 + (a % 224)}.${b}.${2 + (c % 253)}`
}

/** As many free ports of 127.0.0.1. They are not held: whoever is told of them takes them soon. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = []
  while (servers.length < count) {
    const server = await listenOn('127.0.0.1', 0)
    if (server === undefined) throw new TerminalError('LSL_LOCAL_NO_ADDRESS', [1, 0])
    servers.push(server)
  }
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  // All were open at once, so no two are the same.
  await Promise.all(servers.map(close))
  return ports
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

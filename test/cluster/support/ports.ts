/** Ports for servers that come back where they were. */
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the range from which the kernel takes ports for outgoing connections: else, while a server is away, a client that
 * knocks again and again gets its port for itself, and the server never comes back.
 */
const first = 20_000
const last = 32_000

/** Free ones on loopback, each another. @param random from 0 to 1 */
export async function serverPorts(count: number, random: () => number): Promise<number[]> {
  const found = new Set<number>()
  for (let attempt = 0; found.size < count; attempt++) {
    if (attempt > 1000) throw new Error(`Expected ${count} free ports from ${first} to ${last}`)
    const port = first + Math.floor(random() * (last - first))
    if (!found.has(port) && (await isFree(port))) found.add(port)
  }
  return [...found]
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  } catch {
    // EADDRINUSE: another one is tried.
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

// A small HTTP server that logs each request as a JSON line, prints the lines, and hands them to the sender beside it.
// A request is answered once its line was taken, so nothing that a client saw answered can be missing downstream.
import { createServer, request as post, Agent } from 'node:http'

// In a cluster the sender is on the pod's loopback. `logstash-link local` gives each pod an address of its own, or ports
// where a system has one loopback address only.
const address = process.env.LOGSTASH_LINK_POD_ADDRESS
const portOf = (port) => Number(process.env[`LOGSTASH_LINK_PORT_${port}`] ?? port)
const listen = { host: address ?? '0.0.0.0', port: portOf(8080) }
const collector = { host: address ?? '127.0.0.1', port: portOf(process.env.COLLECT_PORT ?? 9801) }
const pod = process.env.HOSTNAME ?? 'web'

const maxBatch = 500
const maxInFlight = 4
const agent = new Agent({ keepAlive: true, maxSockets: maxInFlight })
// Bounded by the clients themselves: each waits for its answer before it asks again.
const waiting = []
let inFlight = 0
let sequence = 0
let ending = false

const server = createServer((request, response) => {
  const started = performance.now()
  request.resume()
  request.once('end', () => {
    if (request.url === '/healthz') {
      response.end('ok\n')
      return
    }
    const status = request.url.startsWith('/missing') ? 404 : 200
    sequence += 1
    const line = JSON.stringify({
      '@timestamp': new Date().toISOString(),
      id: `${pod}-${process.pid}-${sequence}`,
      seq: sequence,
      pod,
      method: request.method,
      path: request.url,
      status,
      duration_ms: Number((performance.now() - started).toFixed(3)),
      user_agent: request.headers['user-agent'] ?? '',
    })
    waiting.push({
      line,
      taken: () => {
        response.statusCode = status
        // Clients that keep their connections busy would hold up the end of the pod.
        if (ending) response.setHeader('connection', 'close')
        response.end(`${pod} answered ${request.url}\n`)
      },
    })
    setImmediate(flush)
  })
})

function flush() {
  while (inFlight < maxInFlight && waiting.length > 0) void hand(waiting.splice(0, maxBatch))
}

async function hand(batch) {
  inFlight += 1
  const lines = batch.map((each) => `${each.line}\n`).join('')
  process.stdout.write(lines)
  // 429 and 503 mean later; a sender that restarts refuses the connection for a moment.
  for (let wait = 50; !(await isTaken(lines)); wait = Math.min(1000, wait * 2)) {
    await new Promise((resolve) => setTimeout(resolve, wait))
  }
  for (const { taken } of batch) taken()
  inFlight -= 1
  flush()
}

function isTaken(lines) {
  return new Promise((resolve) => {
    const headers = {
      'content-type': 'application/x-ndjson',
      'content-length': Buffer.byteLength(lines),
    }
    const request = post({ ...collector, agent, method: 'POST', path: '/', headers })
    request.once('error', () => resolve(false))
    request.once('response', (response) => {
      response.resume()
      response.once('close', () => {
        const { statusCode } = response
        // Anything but "later" is a mistake of ours that no repetition mends: it is said aloud.
        if (statusCode >= 300 && statusCode !== 429 && statusCode !== 503)
          console.error(`the sender answered ${statusCode}`)
        resolve(statusCode < 300)
      })
    })
    request.end(lines)
  })
}

server.keepAliveTimeout = 60_000
server.listen(listen, () => console.error(`web listens on ${listen.host}:${listen.port}`))

process.once('SIGTERM', () => {
  ending = true
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})

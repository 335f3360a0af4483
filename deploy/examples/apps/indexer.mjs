// Takes events by HTTP and counts them.
//   POST /events   newline-delimited JSON
//   GET  /count    {events, distinct, duplicates, batches, maxBatch}
//   GET  /digests  for each distinct event a line `<times> <SHA-256 of its bytes> <SHA-256 of its message, or ->`
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'

const host = process.env.LOGSTASH_LINK_POD_ADDRESS ?? '0.0.0.0'
// Set by `logstash-link local` where a system has one loopback address only.
const port = Number(process.env.LOGSTASH_LINK_PORT_8080 ?? 8080)
const pod = process.env.HOSTNAME ?? 'indexer'
const maxBody = 100 * 2 ** 20

// One entry for each distinct event: this is an example that proves delivery, not a store.
const seen = new Map()
const wrapped = Buffer.from('{"message":')
let events = 0
let batches = 0
let maxBatch = 0
let ending = false

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://indexer')
  if (request.method === 'POST' && pathname === '/events') return take(request, response)
  request.resume()
  if (pathname === '/healthz') return response.end('ok\n')
  if (pathname === '/count') return json(response, count())
  if (pathname === '/digests') {
    response.setHeader('content-type', 'text/plain')
    for (const [digest, { times, message }] of seen) {
      response.write(`${times} ${digest} ${message}\n`)
    }
    return response.end()
  }
  response.statusCode = 404
  return response.end('POST /events, GET /count, GET /digests\n')
})

function take(request, response) {
  const chunks = []
  let size = 0
  request.on('data', (chunk) => {
    size += chunk.length
    if (size <= maxBody) chunks.push(chunk)
  })
  // A body that breaks off is counted as nothing: whoever sent it sends it again.
  request.on('end', () => {
    if (size > maxBody) {
      response.statusCode = 413
      return response.end('too large\n')
    }
    const taken = index(Buffer.concat(chunks))
    // A sender that keeps its connection busy would hold up the end of the pod.
    if (ending) response.setHeader('connection', 'close')
    return json(response, { taken })
  })
}

function index(body) {
  let taken = 0
  for (let start = 0; start < body.length; ) {
    const newline = body.indexOf(10, start)
    const end = newline < 0 ? body.length : newline
    if (end > start) {
      const digest = createHash('sha256').update(body.subarray(start, end)).digest('hex')
      const entry = seen.get(digest) ?? {
        times: 0,
        message: messageDigest(body.subarray(start, end)),
      }
      entry.times += 1
      seen.set(digest, entry)
      taken += 1
    }
    start = end + 1
  }
  events += taken
  batches += 1
  maxBatch = Math.max(maxBatch, taken)
  return taken
}

// What was no JSON object on its way in: the sender wrapped it as {"message": …}.
function messageDigest(line) {
  if (!line.subarray(0, 11).equals(wrapped)) return '-'
  try {
    return createHash('sha256').update(JSON.parse(line.toString()).message).digest('hex')
  } catch {
    return '-'
  }
}

function count() {
  return { pod, events, distinct: seen.size, duplicates: events - seen.size, batches, maxBatch }
}

function json(response, value) {
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify(value)}\n`)
}

server.keepAliveTimeout = 600_000
server.listen({ host, port }, () => console.error(`indexer listens on ${host}:${port}`))

process.once('SIGTERM', () => {
  ending = true
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})

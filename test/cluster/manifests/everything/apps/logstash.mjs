// Stands in for a `logstash` input of someone else's making: HTTPS, gzip, NDJSON, any path, and the same answers. Prints
// each event.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { createGunzip } from 'node:zlib'

const host = process.env.LOGSTASH_LINK_POD_ADDRESS ?? '0.0.0.0'
const file = (name) => readFileSync(`${process.argv[2]}/${name}`)
let ending = false

const server = createServer(
  { cert: file('tls.crt'), key: file('tls.key') },
  (request, response) => {
    const gzip = request.headers['content-encoding'] === 'gzip'
    const body = gzip ? request.pipe(createGunzip()) : request
    const chunks = []
    body.on('error', () => {
      response.statusCode = 400
      response.end()
    })
    body.on('data', (chunk) => chunks.push(chunk))
    body.on('end', () => {
      process.stdout.write(Buffer.concat(chunks))
      if (ending) response.setHeader('connection', 'close')
      response.writeHead(200, {
        accept: 'application/x-ndjson',
        'content-type': 'text/plain',
        'content-length': 2,
      })
      response.end('ok')
    })
  },
)

server.keepAliveTimeout = 0
server.listen({ host, port: 9800 })
process.once('SIGTERM', () => {
  ending = true
  server.close()
  server.closeIdleConnections()
})

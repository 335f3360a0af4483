/**
 * A receiver as a process of its own, to be killed and stopped: writes each body to a file before it answers 200.
 * Arguments: port, certificate, key, output file. SIGHUP loads certificate and key again.
 */
import { openSync, readFileSync, writeSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

const [port, cert = '', key = '', output = ''] = process.argv.slice(2)
const file = openSync(output, 'a')
const load = () => ({ cert: readFileSync(cert), key: readFileSync(key) })

const server = https.createServer(load(), (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    writeSync(file, gunzipSync(Buffer.concat(chunks)))
    response.writeHead(200, { 'Content-Length': 2 }).end('ok')
  })
})
server.keepAliveTimeout = 600_000
process.on('SIGHUP', () => server.setSecureContext(load()))
server.listen(Number(port), '127.0.0.1', () => {
  process.send?.((server.address() as AddressInfo).port)
})
process.on('disconnect', () => process.exit())

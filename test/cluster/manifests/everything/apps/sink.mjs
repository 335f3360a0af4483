// An application that prints each line that it takes. LISTEN: any of `http:PORT`, `tcp:PORT`, `unix:PATH`, by blanks, or
// `file:PATH`: what others append there.
// At its end it takes nothing new, and ends once all that was begun is read.
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'

const host = process.env.LOGSTASH_LINK_POD_ADDRESS ?? '0.0.0.0'
const sockets = new Set()
let ending = false

function byHttp() {
  return createHttpServer((request, response) => {
    const chunks = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      process.stdout.write(Buffer.concat(chunks))
      if (ending) response.setHeader('connection', 'close')
      response.end('ok\n')
    })
  })
}

function byStream() {
  return createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // A probe goes as it came.
    socket.on('error', () => {})
    socket.once('end', () => socket.end())
    createInterface({ input: socket }).on('line', (line) => process.stdout.write(`${line}\n`))
  })
}

/** Whole lines only. */
function follow(path) {
  let printed = 0
  // The receiver makes no folders on a volume that is the application's.
  mkdirSync(dirname(path), { recursive: true })
  setInterval(() => {
    if (!existsSync(path)) return
    const content = readFileSync(path)
    const end = content.lastIndexOf(10) + 1
    if (end > printed) process.stdout.write(content.subarray(printed, end))
    printed = Math.max(end, printed)
  }, 200).unref()
}

const places = (process.env.LISTEN ?? '').split(' ').filter(Boolean)
for (const place of places) if (place.startsWith('file:')) follow(place.slice('file:'.length))
const servers = places
  .filter((place) => !place.startsWith('file:'))
  .map((each) => {
    const [kind, where] = [each.slice(0, each.indexOf(':')), each.slice(each.indexOf(':') + 1)]
    const server = kind === 'http' ? byHttp() : byStream()
    return server.listen(kind === 'unix' ? where : { host, port: Number(where) })
  })
// Without anything to listen on it only stays.
const staying = setInterval(() => {}, 60_000)

process.once('SIGTERM', () => {
  ending = true
  clearInterval(staying)
  for (const server of servers) {
    server.close()
    server.closeIdleConnections?.()
  }
  for (const socket of sockets) socket.end()
})

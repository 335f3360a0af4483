// An application that makes events when it is asked to.
//   POST /events?collect=http:9811&tag=x&count=100[&every=MS]      or tcp:PORT, or file:NAME in the folder LOGS
//        hands {"id":"x/<pod>/<n>", …} to the sender beside it; is answered once the last one was taken: {taken}
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { Agent, createServer, request as post } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const host = process.env.LOGSTASH_LINK_POD_ADDRESS ?? '127.0.0.1'
const pod = process.env.HOSTNAME
const agent = new Agent({ keepAlive: true })
const perRequest = 50

const server = createServer((request, response) => {
  request.resume()
  const { pathname, searchParams } = new URL(request.url, 'http://web')
  if (pathname !== '/events') return response.end('ok\n')
  const [kind, where] = searchParams.get('collect').split(':')
  const work = {
    where,
    port: Number(where),
    tag: searchParams.get('tag'),
    count: Number(searchParams.get('count')),
    every: Number(searchParams.get('every') ?? 0),
  }
  return void ways[kind](work).then(
    () => response.end(JSON.stringify({ taken: work.count })),
    (error) => {
      response.statusCode = 500
      response.end(String(error))
    },
  )
})

const line = (tag, number) =>
  `${JSON.stringify({ id: `${tag}/${pod}/${number}`, '@timestamp': new Date().toISOString(), from: 'web' })}\n`

/** With a pause between events one by one, else many in a request. Repeated until a 2xx. */
async function byHttp({ port, tag, count, every }) {
  const step = every > 0 ? 1 : perRequest
  for (let next = 0; next < count; next += step) {
    const numbers = Array.from({ length: Math.min(step, count - next) }, (_, index) => next + index)
    const body = numbers.map((number) => line(tag, number)).join('')
    while (!(await isTaken(port, body))) await delay(100)
    if (every > 0) await delay(every)
  }
}

function isTaken(port, body) {
  const headers = {
    'content-type': 'application/x-ndjson',
    'content-length': Buffer.byteLength(body),
  }
  return new Promise((resolve) => {
    const request = post({ host, port, method: 'POST', agent, headers })
    request.once('error', () => resolve(false))
    request.once('response', (answer) => {
      answer.resume()
      answer.once('close', () => {
        if (answer.statusCode >= 300) console.error(`the sender answered ${answer.statusCode}`)
        resolve(answer.statusCode < 300)
      })
    })
    request.end(body)
  })
}

/** No acknowledgement exists: taken is what the sender has read. */
async function byTcp({ port, tag, count, every }) {
  const socket = connect({ host, port })
  await once(socket, 'connect')
  socket.resume()
  for (let number = 0; number < count; number += 1) {
    if (!socket.write(line(tag, number))) await once(socket, 'drain')
    if (every > 0) await delay(every)
  }
  const closed = once(socket, 'close')
  socket.end()
  await closed
}

/** Taken is what is written. */
async function byFile({ where, tag, count, every }) {
  for (let number = 0; number < count; number += 1) {
    appendFileSync(`${process.env.LOGS}/${where}`, line(tag, number))
    if (every > 0) await delay(every)
  }
}

const ways = { http: byHttp, tcp: byTcp, file: byFile }

server.listen({ host, port: 8080 })
process.once('SIGTERM', () => process.exit(0))

/** Deterministic access-log events of about 255 bytes with a running `seq`, as a file of JSON lines. */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'

const paths = [
  () => '/',
  () => '/api/v1/orders',
  (n: number) => `/api/v1/users/${n}`,
  (n: number) => `/static/app.${n.toString(16)}.js`,
  () => '/login',
  (n: number) => `/api/v2/search?q=${n.toString(16)}`,
  (n: number) => `/cart/${n}/items`,
  (n: number) => `/img/${n.toString(16)}.png`,
  (n: number) => `/api/v1/products/${n}/reviews`,
]
const agents = [
  'Mozilla/5.0 (X11; Linux x86_64)',
  'curl/8.5.0',
  'okhttp/4.12.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5)',
  'kube-probe/1.30',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64)',
]
const levels = [...Array<string>(18).fill('info'), 'warn', 'error']
const methods = [...Array<string>(14).fill('GET'), 'POST', 'POST', 'POST', 'PUT', 'DELETE']
const statuses = [...Array<number>(16).fill(200), 201, 204, 302, 304, 400, 404, 404, 500, 503]

/** Writes `count` lines. The same count gives the same bytes. */
export async function writeEvents(path: string, count: number): Promise<void> {
  const random = mulberry32(42)
  const below = (n: number): number => Math.floor(random() * n)
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T
  const hex16 = (): string =>
    below(2 ** 32)
      .toString(16)
      .padStart(8, '0') +
    below(2 ** 32)
      .toString(16)
      .padStart(8, '0')
  const file = createWriteStream(path)
  let time = 1_789_000_000_000
  let block: string[] = []
  for (let seq = 0; seq < count; seq += 1) {
    time += below(3)
    const address = `10.${below(256)}.${below(256)}.${below(256)}`
    const duration = Math.exp(2.5 + gaussian(random)).toFixed(3)
    block.push(
      `{"@timestamp":"${new Date(time).toISOString()}","seq":${seq},"level":"${pick(levels)}",` +
        `"host":"web-${String(below(24)).padStart(2, '0')}","client":"${address}",` +
        `"method":"${pick(methods)}","path":"${pick(paths)(1 + below(2 ** 24))}",` +
        `"status":${pick(statuses)},"bytes":${80 + below(64_920)},"dur_ms":${duration},` +
        `"ua":"${pick(agents)}","trace":"${hex16()}"}\n`,
    )
    if (block.length === 4096) {
      if (!file.write(block.join(''))) await once(file, 'drain')
      block = []
    }
  }
  file.end(block.join(''))
  await once(file, 'close')
}

/** Small seeded generator (32 bits of state): quality enough for test data. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

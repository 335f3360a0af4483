import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import {
  createGzip,
  deflateRawSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import * as fc from 'fast-check'
import {
  compress,
  decompress,
  readEncoding,
  type Encoding,
} from '../../../src/dataplane/wire/gzip.ts'
import { LogstashLinkError } from '../../../src/errors.ts'

const mebi = 1 << 20

async function inflated(body: Buffer, encoding: Encoding = 'gzip', maxOutput = 100 * mebi) {
  const chunks: Buffer[] = []
  await decompress(body, { encoding, maxOutput, onOutput: (chunk) => void chunks.push(chunk) })
  return Buffer.concat(chunks)
}

const refusedWith = (code: string) => (error: unknown) =>
  error instanceof LogstashLinkError && error.code === code

const small = Buffer.from('{"a":1}\n'.repeat(40))
/** Too much for the event loop, so it takes the other way. */
const large = Buffer.from(Array.from({ length: 300_000 }, (_, i) => `{"seq":${i}}\n`).join(''))

describe('decompressing', () => {
  const encoded: [Encoding, (body: Buffer) => Buffer][] = [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['zstd', zstdCompressSync],
    ['identity', (body) => body],
  ]
  for (const [encoding, encode] of encoded) {
    for (const [size, body] of [
      ['small', small],
      ['large', large],
    ] as const) {
      it(`gives back a ${size} body of ${encode.name || encoding}`, async () => {
        assert.ok((await inflated(encode(body), encoding)).equals(body))
      })
      it(`refuses a ${size} body of ${encode.name || encoding} over the limit, and takes one at it`, async () => {
        const bytes = encode(body)
        assert.equal((await inflated(bytes, encoding, body.length)).length, body.length)
        await assert.rejects(
          inflated(bytes, encoding, body.length - 1),
          refusedWith('LSL_BODY_TOO_LARGE'),
        )
      })
    }
  }

  it('takes an empty body in every encoding', async () => {
    for (const encoding of ['gzip', 'deflate', 'zstd', 'identity'] as const) {
      assert.equal((await inflated(Buffer.alloc(0), encoding)).length, 0)
    }
  })

  for (const [size, body] of [
    ['small', small],
    ['large', large],
  ] as const) {
    it(`reads several members, zero padding too, of a ${size} body`, async () => {
      const bytes = Buffer.concat([
        gzipSync(body),
        gzipSync(small),
        gzipSync(body),
        Buffer.alloc(9),
      ])
      assert.ok((await inflated(bytes)).equals(Buffer.concat([body, small, body])))
    })

    for (const garbage of ['x', '\x1f', '\x1f\x8b', '\0\0x', '\x1f\x8b\x08\0\0\0\0\0\0\x03']) {
      it(`refuses ${JSON.stringify(garbage)} after the end of a ${size} body`, async () => {
        const bytes = Buffer.concat([gzipSync(body), Buffer.from(garbage, 'latin1')])
        await assert.rejects(inflated(bytes), refusedWith('LSL_BODY_CORRUPT'))
      })
    }
  }

  it('refuses two small members cut at any byte but their border', async () => {
    const first = gzipSync(small)
    const bytes = Buffer.concat([first, gzipSync(small)])
    for (let cut = 1; cut < bytes.length; cut += 1) {
      if (cut === first.length) continue
      await assert.rejects(
        inflated(bytes.subarray(0, cut)),
        refusedWith('LSL_BODY_CORRUPT'),
        `${cut}`,
      )
    }
  })

  it('refuses large members cut anywhere', async () => {
    const first = gzipSync(large)
    const bytes = Buffer.concat([first, gzipSync(large)])
    const cuts = [
      1,
      9,
      10,
      18,
      100,
      first.length - 9,
      first.length - 8,
      first.length - 1,
      first.length + 1,
      first.length + 9,
      first.length + 10,
      first.length + 18,
      bytes.length - 8,
      bytes.length - 4,
      bytes.length - 1,
    ]
    for (const cut of cuts) {
      await assert.rejects(
        inflated(bytes.subarray(0, cut)),
        refusedWith('LSL_BODY_CORRUPT'),
        `${cut}`,
      )
    }
  })

  it('refuses a corrupt body or gives back the right one', async () => {
    const bytes = gzipSync(small)
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const broken = Buffer.from(bytes)
          broken[at] = (broken[at] ?? 0) ^ flip
          try {
            assert.ok((await inflated(broken)).equals(small))
          } catch (error) {
            assert.ok(error instanceof LogstashLinkError, String(error))
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('refuses anything that is no gzip', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 100 }), async (bytes) => {
        await assert.rejects(inflated(Buffer.from(bytes)), refusedWith('LSL_BODY_CORRUPT'))
      }),
    )
  })

  it('stops a bomb of 1 GiB early, with bounded memory', async () => {
    const bomb = await gzipOfZeros(1024)
    assert.ok(bomb.length < 2 * mebi)
    const before = process.memoryUsage().rss
    let seen = 0
    let peak = 0
    await assert.rejects(
      decompress(bomb, {
        encoding: 'gzip',
        maxOutput: 100 * mebi,
        onOutput: (chunk) => {
          seen += chunk.length
          peak = Math.max(peak, process.memoryUsage().rss)
        },
      }),
      refusedWith('LSL_BODY_TOO_LARGE'),
    )
    assert.ok(seen <= 100 * mebi)
    assert.ok(peak - before < 80 * mebi, `grew by ${(peak - before) / mebi} MiB`)
  })

  it('does not believe a trailer that lies about the size', async () => {
    const bytes = await gzipOfZeros(3)
    bytes.writeUInt32LE(10, bytes.length - 4)
    await assert.rejects(inflated(bytes), refusedWith('LSL_BODY_CORRUPT'))
    const members = Buffer.concat([await gzipOfZeros(3), gzipSync(small)])
    assert.equal((await inflated(members)).length, 3 * mebi + small.length)
  })

  it('passes on what the taker of output throws', async () => {
    for (const body of [small, large]) {
      await assert.rejects(
        decompress(gzipSync(body), {
          encoding: 'gzip',
          maxOutput: 100 * mebi,
          onOutput: () => {
            throw new RangeError('no room')
          },
        }),
        RangeError,
      )
    }
  })
})

describe('compressing', () => {
  it('gives one gzip member, small or large', async () => {
    for (const body of [Buffer.alloc(0), small, large]) {
      assert.ok(gunzipSync(await compress(body), { rejectGarbageAfterEnd: true }).equals(body))
    }
  })
})

describe('Content-Encoding', () => {
  const known: [string | undefined, Encoding][] = [
    [undefined, 'identity'],
    ['', 'identity'],
    ['identity', 'identity'],
    ['GZIP', 'gzip'],
    ['x-gzip', 'gzip'],
    ['deflate', 'deflate'],
    ['zstd', 'zstd'],
  ]
  for (const [header, encoding] of known) {
    it(`${header} means ${encoding}`, () => assert.equal(readEncoding(header), encoding))
  }
  for (const header of ['br', 'gzip, gzip', 'compress', 'x']) {
    it(`refuses ${header}`, () => {
      assert.throws(() => readEncoding(header), refusedWith('LSL_CONTENT_ENCODING_UNSUPPORTED'))
    })
  }
})

async function gzipOfZeros(mebibytes: number): Promise<Buffer> {
  const gzip = createGzip({ chunkSize: mebi })
  const zeros = Buffer.alloc(mebi)
  const chunks: Buffer[] = []
  gzip.on('data', (chunk: Buffer) => chunks.push(chunk))
  for (let i = 0; i < mebibytes; i += 1) {
    await new Promise<void>((resolve) => gzip.write(zeros, () => resolve()))
  }
  const ended = once(gzip, 'end')
  gzip.end()
  await ended
  return Buffer.concat(chunks)
}

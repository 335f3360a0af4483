import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import test from 'node:test'
import { createRunFolder, sweepRunFolders } from '../../src/local/run-folder.ts'
import { declaredPorts, mapPorts, mappedPorts } from '../../src/local/port-mapping.ts'
import { createAddresses, freePorts } from '../../src/local/runtime/addresses.ts'
import { writeAtomically } from '../../src/local/runtime/atomic-writer.ts'
import { expand } from '../../src/local/runtime/environment.ts'
import { openContainerLog } from '../../src/local/runtime/logs.ts'
import { isOwnImage, pathRewriter, programOf } from '../../src/local/runtime/program.ts'
import { eventually } from '../support/eventually.ts'
import { pod } from '../support/local-runtime.ts'

function folderFor(t: { after(done: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'runtime-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const files = (contents: Record<string, string>) =>
  new Map(
    Object.entries(contents).map(([path, text]) => [
      path,
      { content: Buffer.from(text), mode: 0o640 },
    ]),
  )

test('mount paths are rewritten where they are paths, and nowhere else', () => {
  const rewrite = pathRewriter('/r', ['/app', '/etc/tls/', '/app.d'])
  const cases: [string, string][] = [
    ['/app', '/r/app'],
    ['/app/main.mjs', '/r/app/main.mjs'],
    ['--file=/app/a --ca=/etc/tls/ca.crt', '--file=/r/app/a --ca=/r/etc/tls/ca.crt'],
    ['/app:/etc/tls', '/r/app:/r/etc/tls'],
    ['file:/app/x', 'file:/r/app/x'],
    ['/apple /app-2 /my/app /app.d/x', '/apple /app-2 /my/app /r/app.d/x'],
    ['https://host/app', 'https://host/app'],
  ]
  for (const [text, expected] of cases) assert.equal(rewrite(text), expected)
})

test('our image, logstash-link and node become programs of this machine', () => {
  const programs = { node: '/bin/node26', own: '/pkg/bin/logstash-link.js' }
  const of = (container: object): string[] => {
    const { file, args } = programOf({ name: 'c', ...container }, '/r', { PORT: '1' }, programs)
    return [file, ...args]
  }
  assert.deepEqual(
    of({ image: 'ghcr.io/x/logstash-link:1.2', args: ['sender', '--http', '$(PORT)'] }),
    ['/bin/node26', '/pkg/bin/logstash-link.js', 'sender', '--http', '1'],
  )
  assert.deepEqual(of({ image: 'x', command: ['node', 'a.mjs'] }), ['/bin/node26', 'a.mjs'])
  assert.deepEqual(of({ image: 'x', command: ['sh', '-c'], args: ['true'] }), ['sh', '-c', 'true'])
  assert.deepEqual(
    ['logstash-link', 'a:5000/b/logstash-link@sha256:00', 'logstash-link-x', 'logstash'].map(
      isOwnImage,
    ),
    [true, true, false, false],
  )
})

test('$(VAR) is expanded as in Kubernetes', () => {
  const env = { A: '1', B: '$(A)' }
  assert.equal(expand('$(A) $$(A) $(B) $(MISSING) $A $$ $(', env), '1 $(A) $(A) $(MISSING) $A $ $(')
})

test('volumes are updated by one swap: readers see all of it or nothing', async (t) => {
  const folder = folderFor(t)
  await writeAtomically(folder, files({ a: '1', 'sub/b': '1' }), new Date(0))
  const before = readlinkSync(join(folder, '..data'))
  await writeAtomically(folder, files({ a: '2', c: '2' }), new Date(1000))
  assert.notEqual(readlinkSync(join(folder, '..data')), before)
  assert.equal(readFileSync(join(folder, 'a'), 'utf8'), '2')
  assert.equal(readlinkSync(join(folder, 'a')), '..data/a')
  const visible = readdirSync(folder).filter((name) => !name.startsWith('..'))
  assert.deepEqual(visible.toSorted(), ['a', 'c'])
  assert.equal(readdirSync(folder).length, 4)
})

test('pods get addresses of their own, also from two runs at once', async (t) => {
  const claims = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      createAddresses(false).claim(index % 2 === 0 ? 'same' : `pod ${index}`),
    ),
  )
  t.after(() => Promise.all(claims.map((each) => each.release())).then(() => undefined))
  assert.equal(new Set(claims.map(({ ip }) => ip)).size, 20)
  assert.ok(claims.every((each) => each.ip.startsWith('127.')))
})

test('where there is one address only, every port of a pod becomes a free one of the machine', async () => {
  const injected = pod('web', {
    initContainers: [
      {
        name: 'lsl-receiver-orders',
        image: 'logstash-link',
        args: ['receiver', '--port', '9800', '--health-port', '9601'],
        ports: [{ name: 'lsl', containerPort: 9800 }, { containerPort: 9601 }],
        startupProbe: { httpGet: { path: '/healthz', port: 9601 } },
      },
    ],
    containers: [
      {
        name: 'app',
        args: ['--port', '8080'],
        ports: [{ name: 'http', containerPort: 8080 }],
        readinessProbe: { tcpSocket: { port: 'http' } },
      },
    ],
  })
  injected.metadata.annotations = {
    'receiver.logstashlink.io/orders': '{"hash":"9800","healthPort":9601,"port":9800}',
  }
  const ports = declaredPorts(injected)
  assert.deepEqual(ports, [9800, 9601, 8080])
  const free = await freePorts(ports.length)
  assert.equal(new Set(free).size, 3)
  const mapped = mapPorts(
    injected,
    new Map([9800, 9601, 8080].map((port) => [port, port + 30_000])),
  )
  const [sidecar] = mapped.spec.initContainers ?? []
  const [app] = mapped.spec.containers
  assert.deepEqual(sidecar?.args, ['receiver', '--port', '39800', '--health-port', '39601'])
  assert.deepEqual(sidecar.startupProbe?.httpGet?.port, 39_601)
  assert.deepEqual(sidecar.ports, [
    { name: 'lsl', containerPort: 39_800 },
    { containerPort: 39_601 },
  ])
  // What is not ours is told by its environment alone.
  assert.deepEqual(app?.args, ['--port', '8080'])
  assert.deepEqual(app.env?.at(-1), { name: 'LOGSTASH_LINK_PORT_8080', value: '38080' })
  assert.equal(
    mapped.metadata.annotations?.['receiver.logstashlink.io/orders'],
    '{"hash":"9800","healthPort":39601,"port":39800}',
  )
  assert.deepEqual(mappedPorts(mapped), { 8080: 38_080, 9601: 39_601, 9800: 39_800 })
})

test('output goes to a file of bounded size, and to the screen line by line', async (t) => {
  const folder = folderFor(t)
  const lines: string[] = []
  const log = openContainerLog(
    join(folder, 'l', 'c.log'),
    'web app |',
    (line) => lines.push(line),
    10,
  )
  const stream = Readable.from([Buffer.from('12345\n'), Buffer.from('678\n9'), Buffer.from('0\n')])
  log.attach(stream)
  await eventually('all was read', () => assert.ok(stream.readableEnded))
  await log.close()
  await eventually('the older part stands beside the newer', () => {
    assert.equal(readFileSync(join(folder, 'l', 'c.log.1'), 'utf8'), '12345\n')
    assert.equal(readFileSync(join(folder, 'l', 'c.log'), 'utf8'), '678\n90\n')
  })
  assert.deepEqual(lines, ['web app | 12345', 'web app | 678', 'web app | 90'])
})

const withoutProc = existsSync('/proc/self/stat') ? false : 'no /proc on this machine'

test('what a killed run left behind is swept, what still runs is not', {
  skip: withoutProc,
}, async (t) => {
  const parent = folderFor(t)
  const live = await createRunFolder(parent)
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  t.after(() => void child.kill('SIGKILL'))
  const dead = join(parent, 'lsl-dead')
  mkdirSync(join(dead, 'pids'), { recursive: true })
  writeFileSync(join(dead, 'owner'), '1 0')
  // As a run would have noted it.
  live.add(child.pid ?? 0)
  const noted = readFileSync(join(live.path, 'pids', String(child.pid)), 'utf8')
  live.remove(child.pid ?? 0)
  writeFileSync(join(dead, 'pids', String(child.pid)), noted)
  // The id of this very process, but of another start: it must not be touched.
  writeFileSync(join(dead, 'pids', String(process.pid)), '1')
  const ended = once(child, 'exit')
  assert.equal(sweepRunFolders(parent), 1)
  await ended
  assert.deepEqual(readdirSync(parent), [live.path.slice(parent.length + 1)])
})

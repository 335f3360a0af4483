import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import type { KubeObject } from '../../src/api/objects.ts'
import { isReady, type Pod } from '../../src/local/pod.ts'
import { eventually } from '../support/eventually.ts'
import { configMap, pod, startLocalRuntime, type LocalRuntime } from '../support/local-runtime.ts'

/** An HTTP server on the pod's address that answers with a file of its mounts and its environment. */
const server = `
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
const host = process.env.LOGSTASH_LINK_POD_ADDRESS
createServer((request, response) => {
  if (request.url === '/exit') process.exit(3)
  if (request.url === '/file') return response.end(readFileSync(process.env.CONFIG_FILE))
  response.end(JSON.stringify({ pid: process.pid, arguments: process.argv.slice(2), env: process.env }))
}).listen(8080, host)
process.on('SIGTERM', () => process.exit(0))
`

function serverSpec(change: Partial<Pod['spec']['containers'][number]> = {}): Pod['spec'] {
  return {
    terminationGracePeriodSeconds: 5,
    containers: [
      {
        name: 'app',
        image: 'node:26-slim',
        command: ['node', '/app/main.mjs', '--config=/etc/app/settings', '/etc/apple'],
        env: [
          { name: 'CONFIG_FILE', value: '/etc/app/settings' },
          { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'GREETING', value: 'hello $(NAME), not $$(NAME)' },
        ],
        ports: [{ name: 'web', containerPort: 8080 }],
        readinessProbe: { httpGet: { path: '/', port: 'web' }, periodSeconds: 1 },
        volumeMounts: [
          { name: 'program', mountPath: '/app' },
          { name: 'settings', mountPath: '/etc/app' },
        ],
        ...change,
      },
    ],
    volumes: [
      { name: 'program', configMap: { name: 'program' } },
      { name: 'settings', configMap: { name: 'settings' } },
    ],
  }
}

/** Notes its start and its end on the volume `trace`; has started once its file is there. */
const trace = (name: string): Pod['spec']['containers'][number] => ({
  name,
  command: [
    'node',
    '-e',
    `const { appendFileSync, existsSync, writeFileSync } = require('node:fs')
     const say = (what) => appendFileSync('/trace/log', '${name} ' + what + '\\n')
     say('start')
     setTimeout(() => writeFileSync('/trace/${name}', ''), 100)
     process.on('SIGTERM', () => { say('end'); process.exit(0) })
     setInterval(() => {}, 1000)`,
  ],
  startupProbe: { exec: { command: ['test', '-e', `/trace/${name}`] }, periodSeconds: 1 },
  volumeMounts: [{ name: 'trace', mountPath: '/trace' }],
})

const deployment = (replicas: number, greeting: string): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'test' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' }, annotations: { greeting } },
      spec: serverSpec(),
    },
  },
})

async function readyPod(runtime: LocalRuntime, name: string): Promise<string> {
  return eventually(`${name} is ready`, async () => {
    const found = await runtime.pod(name)
    assert.ok(found && isReady(found), JSON.stringify(found?.status))
    return found.status?.podIP ?? ''
  })
}

async function get(url: string): Promise<string> {
  return (await fetch(url, { signal: AbortSignal.timeout(5000) })).text()
}

test('a pod runs on its own address, with its mounts, arguments and environment', async (t) => {
  const runtime = await startLocalRuntime(t, [
    configMap('program', { 'main.mjs': server }),
    configMap('settings', { settings: 'one' }),
    pod('first', serverSpec()),
    pod('second', serverSpec()),
  ])
  const [first, second] = await Promise.all([
    readyPod(runtime, 'first'),
    readyPod(runtime, 'second'),
  ])
  assert.notEqual(first, second)
  const seen = JSON.parse(await get(`http://${first}:8080/`)) as {
    arguments: string[]
    env: Record<string, string>
  }
  const { CONFIG_FILE = '', GREETING, POD_IP, HOSTNAME } = seen.env
  assert.equal(readFileSync(CONFIG_FILE, 'utf8'), 'one')
  assert.deepEqual(seen.arguments, [`--config=${CONFIG_FILE}`, '/etc/apple'])
  assert.deepEqual([GREETING, POD_IP, HOSTNAME], ['hello first, not $(NAME)', first, 'first'])

  const changed = performance.now()
  await runtime.cluster.apply(configMap('settings', { settings: 'two' }))
  await eventually('the file has the new content', async () =>
    assert.equal(await get(`http://${first}:8080/file`), 'two'),
  )
  assert.ok(performance.now() - changed < 1000)
})

test('a container that ends is started again, and a killed one is counted', async (t) => {
  const runtime = await startLocalRuntime(t, [
    configMap('program', { 'main.mjs': server }),
    configMap('settings', { settings: 'one' }),
    pod('web', serverSpec()),
  ])
  const ip = await readyPod(runtime, 'web')
  const [before] = runtime.kubelet.processes()
  assert.ok(before)
  process.kill(before.pid, 'SIGKILL')
  await eventually('the container was restarted and is ready', async () => {
    const found = await runtime.pod('web')
    const status = found?.status?.containerStatuses?.[0]
    assert.deepEqual([status?.restartCount, status?.ready], [1, true])
    assert.deepEqual(status?.lastState.terminated?.exitCode, 137)
  })
  assert.notEqual(runtime.kubelet.processes()[0]?.pid, before.pid)
  assert.match(await get(`http://${ip}:8080/`), /"pid"/)
  await fetch(`http://${ip}:8080/exit`).catch(() => undefined)
  await eventually('its own end is told with its code', async () => {
    const found = await runtime.pod('web')
    assert.equal(found?.status?.containerStatuses?.[0]?.lastState.terminated?.exitCode, 3)
  })
})

test('a pod waits for what it mounts, says so in an event, and starts when it comes', async (t) => {
  const runtime = await startLocalRuntime(t, [
    configMap('program', { 'main.mjs': server }),
    pod('web', serverSpec()),
  ])
  await eventually('an event names what is missing', async () => {
    const events = await runtime.cluster.list(
      { apiVersion: 'v1', kind: 'Event' },
      { namespace: 'test' },
    )
    assert.match(JSON.stringify(events), /FailedMount.*configmap \\"settings\\" not found/)
  })
  assert.equal((await runtime.pod('web'))?.status?.phase, 'Pending')
  await runtime.cluster.create(configMap('settings', { settings: 'late' }))
  const ip = await readyPod(runtime, 'web')
  assert.equal(await get(`http://${ip}:8080/file`), 'late')
})

test('sidecars start before the application in order and end after it in reverse', async (t) => {
  const runtime = await startLocalRuntime(t, [
    pod('ordered', {
      initContainers: [
        { ...trace('one'), restartPolicy: 'Always' },
        { ...trace('two'), restartPolicy: 'Always' },
        {
          name: 'setup',
          command: ['sh', '-c', 'echo setup done >> /trace/log'],
          volumeMounts: [{ name: 'trace', mountPath: '/trace' }],
        },
      ],
      containers: [trace('app')],
      volumes: [{ name: 'trace', emptyDir: {} }],
    }),
  ])
  await readyPod(runtime, 'ordered')
  const file = join(runtime.folder, '1', 'v', 'trace', 'log')
  await runtime.cluster.delete({
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: 'test',
    name: 'ordered',
  })
  await eventually('the pod is gone', async () =>
    assert.equal(await runtime.pod('ordered'), undefined),
  )
  assert.deepEqual(readFileSync(file, 'utf8').trim().split('\n'), [
    'one start',
    'two start',
    'setup done',
    'app start',
    'app end',
    'two end',
    'one end',
  ])
})

test('a pod whose work is done succeeds and takes its sidecars along', async (t) => {
  const runtime = await startLocalRuntime(t, [
    pod('job', {
      restartPolicy: 'OnFailure',
      initContainers: [{ name: 'side', restartPolicy: 'Always', command: ['sleep', '60'] }],
      containers: [{ name: 'work', command: ['sh', '-c', 'echo done'] }],
    }),
  ])
  await eventually('it has succeeded', async () =>
    assert.equal((await runtime.pod('job'))?.status?.phase, 'Succeeded'),
  )
  await eventually('no process is left', () => assert.deepEqual(runtime.kubelet.processes(), []))
  const log = readFileSync(join(runtime.folder, 'logs', 'test_job_work.log'), 'utf8')
  assert.equal(log, 'done\n')
})

test('a failed liveness probe and a program that does not exist both show in the status', async (t) => {
  const runtime = await startLocalRuntime(t, [
    pod('sick', {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'app',
          command: ['sleep', '60'],
          livenessProbe: { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 1 },
        },
      ],
    }),
    pod('absent', { containers: [{ name: 'app', command: ['/no/such/program'] }] }),
  ])
  await eventually('the sick one was restarted', async () => {
    const status = (await runtime.pod('sick'))?.status?.containerStatuses?.[0]
    assert.ok((status?.restartCount ?? 0) >= 1)
  })
  await eventually('the absent one backs off', async () => {
    const status = (await runtime.pod('absent'))?.status?.containerStatuses?.[0]
    assert.equal(status?.state.waiting?.reason, 'CrashLoopBackOff')
    assert.match(status?.lastState.terminated?.message ?? '', /ENOENT/)
  })
})

test('a Deployment keeps its number of pods, rolls to a new template, and its Service follows', async (t) => {
  const runtime = await startLocalRuntime(t, [
    configMap('program', { 'main.mjs': server }),
    configMap('settings', { settings: 'one' }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'test' },
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'web' }] },
    },
  ])
  const { cluster } = runtime
  await cluster.apply(deployment(2, 'old'))
  const served = async (): Promise<string[]> => {
    const slices = await cluster.list(
      { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
      { namespace: 'test' },
    )
    return slices.flatMap((slice) =>
      (slice['endpoints'] as { addresses: string[]; conditions: { ready: boolean } }[])
        .filter((endpoint) => endpoint.conditions.ready)
        .map(
          ({ addresses }) => `${addresses[0]}:${(slice['ports'] as { port: number }[])[0]?.port}`,
        ),
    )
  }
  const before = await eventually('two pods serve', async () => {
    const hosts = await served()
    assert.equal(hosts.length, 2)
    return hosts
  })
  assert.ok(before.every((host) => /^127\.\d+\.\d+\.\d+:8080$/.test(host)))

  await cluster.apply(deployment(2, 'new'))
  await eventually('both were replaced', async () => {
    const hosts = await served()
    assert.ok(hosts.length >= 2 - 1, 'availability never falls further than maxUnavailable')
    const pods = await cluster.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: 'test' })
    assert.deepEqual(
      pods.map(({ metadata }) => metadata.annotations?.['greeting']),
      ['new', 'new'],
    )
    assert.equal(hosts.length, 2)
    assert.ok(hosts.every((host) => !before.includes(host)))
  })
  await cluster.apply(deployment(1, 'new'))
  await eventually('one is left', async () => assert.equal((await served()).length, 1))
})

import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { injectedAnnotation, injectedLabel, labels, sidecarName } from '../../src/api/names.ts'
import type { LogstashLink } from '../../src/api/link.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { inject } from '../../src/injector/inject.ts'
import type { Pod, PodContainer } from '../../src/injector/pod.ts'
import { linkOf, operatorOptions } from '../support/links.ts'
import { applyPatch } from './json-patch-apply.ts'

const port = fc.oneof(
  fc.constantFrom(9600, 9601, 9602, 9800, 9801, 9802, 8080),
  fc.integer({ min: 1, max: 65_535 }),
)
const container = (prefix: string) =>
  fc.record(
    {
      name: fc.integer({ min: 0, max: 99 }).map((number) => `${prefix}${number}`),
      image: fc.constant('app'),
      restartPolicy: fc.constant('Always'),
      ports: fc.array(
        fc.record(
          { containerPort: port, protocol: fc.constantFrom('TCP', 'UDP') },
          { requiredKeys: ['containerPort'] },
        ),
        { maxLength: 3 },
      ),
      readinessProbe: fc.record({ httpGet: fc.record({ path: fc.constant('/'), port }) }),
      securityContext: fc.record({ runAsUser: fc.constantFrom(0, 1000, 2000) }),
      resources: fc.record({
        limits: fc.record({ cpu: fc.constant('1'), memory: fc.constant('1Gi') }),
      }),
    },
    { requiredKeys: ['name', 'image'] },
  )
const containers = (prefix: string, minLength: number) =>
  fc.uniqueArray(container(prefix), { selector: ({ name }) => name, minLength, maxLength: 3 })
const volumes = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('sock', 'data', 'other', 'lsl-sender-a-config'),
    type: fc.constantFrom('emptyDir', 'persistentVolumeClaim', 'secret', 'hostPath', 'projected'),
  }),
  { selector: ({ name }) => name, maxLength: 3 },
)
const metadata = fc.record(
  {
    generateName: fc.constant('web-'),
    labels: fc.record(
      {
        app: fc.constantFrom('web', 'other'),
        [labels.inject]: fc.constantFrom('true', 'false'),
        'a/b~c': fc.constant('x'),
      },
      { requiredKeys: [] },
    ),
    annotations: fc.dictionary(
      fc.constantFrom('x/y', injectedAnnotation('a', 'sender')),
      fc.string(),
    ),
  },
  { requiredKeys: ['generateName'] },
)
const pods: fc.Arbitrary<KubeObject> = fc
  .record({
    metadata,
    spec: fc.record(
      {
        containers: containers('app-', 1),
        initContainers: containers('init-', 0),
        volumes: volumes.map((all) => all.map(({ name, type }) => ({ name, [type]: {} }))),
        hostNetwork: fc.boolean(),
        os: fc.constant({ name: 'linux' }),
        securityContext: fc.record({ runAsUser: fc.constantFrom(0, 1000) }),
      },
      { requiredKeys: ['containers'] },
    ),
  })
  // The clone is of plain objects; fast-check's have no prototype, which deepEqual minds.
  .map((pod) => structuredClone({ apiVersion: 'v1', kind: 'Pod', ...pod }) as unknown as KubeObject)

const selector = fc.constantFrom<object>(
  { matchLabels: { app: 'web' } },
  { matchExpressions: [{ key: 'absent', operator: 'DoesNotExist' }] },
)
const smallPort = fc.constantFrom(9601, 9602, 9800, 9801, 9802)
const link = fc
  .record({
    selector,
    receiverPort: smallPort,
    senderPorts: fc.uniqueArray(fc.constantFrom(8080, 9601, 9602, 9800, 9801, 9802), {
      minLength: 2,
      maxLength: 2,
    }),
    deliver: fc.constantFrom<object>(
      { http: { port: 8080 } },
      { http: { port: 9601 } },
      { tcp: { port: 9801 } },
      { unix: { volume: 'sock', path: 'in.sock' } },
      { file: { volume: 'data', path: 'in.ndjson' } },
      { stdout: {} },
    ),
    auth: fc.constantFrom(undefined, { secretRef: { name: 'basic' } }),
    age: fc.integer({ min: 0, max: 3 }),
    tls: fc.constantFrom<object>(
      { issuerRef: { name: 'ca' } },
      { issuerRef: { name: 'ca' }, clientAuthentication: 'Required' },
      { enabled: false },
    ),
  })
  // Refused at write: a receiver that delivers to itself.
  .filter(({ deliver, receiverPort }) => !Object.values(deliver).some(isPort(receiverPort)))
  .map(
    (wish) => (name: string) =>
      linkOf(
        {
          receiver: { selector: wish.selector, port: wish.receiverPort, deliver: wish.deliver },
          sender: { selector: wish.selector, collect: collectOf(wish.senderPorts) },
          tls: wish.tls,
          auth: wish.auth,
        },
        { name, creationTimestamp: `2026-11-2${wish.age}T10:00:00Z` },
      ),
  )
function isPort(port: number): (way: { port?: number }) => boolean {
  return (way) => way.port === port
}

function collectOf([http = 1, tcp = 2]: readonly number[]): object {
  return { http: { port: http }, tcp: { port: tcp } }
}

const links = fc.tuple(link, link, link).map((all) => all.map((make, i) => make('abc'[i] ?? 'z')))

const isOurs = (name: string) => /^lsl-(receiver|sender)-[abc](-|$)/.test(name)

test('whatever the pod: only what is ours is added, the patch makes the pod, a second injection changes nothing', () => {
  fc.assert(
    fc.property(pods, links, (pod, all) => {
      const before = structuredClone(pod)
      const result = inject({ pod, namespace: 'shop', links: all, options: operatorOptions })
      assert.deepEqual(pod, before, 'the input is left as it is')
      assert.deepEqual(applyPatch(pod, result.patch), result.pod)

      const again = inject({
        pod: result.pod,
        namespace: 'shop',
        links: all,
        options: operatorOptions,
      })
      assert.deepEqual(again.patch, [])
      assert.deepEqual(again.pod, result.pod)

      assert.deepEqual(withoutOurs(result.pod as Pod, pod as Pod), before)
      assertPortsDiffer(pod as Pod, result.pod as Pod)
      assertApplicationKeepsItsPorts(result.pod as Pod, all, result.injected)
      const picked = [...result.injected, ...result.skipped].map(
        ({ link: name, role }) => name + role,
      )
      assert.equal(new Set(picked).size, picked.length)
    }),
    { numRuns: 500 },
  )
})

/** The pod with all taken out that injection may put in. */
function withoutOurs(pod: Pod, original: Pod): Pod {
  const result = structuredClone(pod)
  const ofLinks = ['a', 'b', 'c'].flatMap((name) =>
    (['receiver', 'sender'] as const).map((role) => injectedLabel(name, role)),
  )
  const keys = [labels.injected, ...ofLinks]
  for (const field of ['labels', 'annotations'] as const) {
    for (const key of keys) {
      const was = original.metadata[field]?.[key]
      if (was !== undefined && result.metadata[field] !== undefined)
        result.metadata[field][key] = was
      else delete result.metadata[field]?.[key]
    }
    if (original.metadata[field] === undefined) delete result.metadata[field]
  }
  const { initContainers, volumes: all } = original.spec
  const names = new Set((all ?? []).map(({ name }) => name))
  result.spec.initContainers = (result.spec.initContainers ?? []).filter(
    ({ name }) => !isOurs(name),
  )
  result.spec.volumes = (result.spec.volumes ?? []).filter(
    ({ name }) => names.has(name) || !isOurs(name),
  )
  if (initContainers === undefined) delete result.spec.initContainers
  if (all === undefined) delete result.spec.volumes
  return result
}

/** No port of a sidecar is another sidecar's or one that the pod's containers declare. */
function assertPortsDiffer(original: Pod, pod: Pod): void {
  const sidecars = (pod.spec.initContainers ?? []).filter(({ name }) => isOurs(name))
  const ours = tcpPorts(sidecars)
  assert.equal(new Set(ours).size, ours.length)
  const theirs = new Set(
    tcpPorts([...(original.spec.initContainers ?? []), ...original.spec.containers]),
  )
  assert.deepEqual(
    ours.filter((each) => theirs.has(each)),
    [],
  )
  assert.deepEqual(
    (pod.spec.initContainers ?? []).slice(0, sidecars.length).map(({ name }) => name),
    sidecars.map(({ name }) => name),
    'sidecars come first',
  )
}

/** No sidecar listens where another delivers to the application. */
function assertApplicationKeepsItsPorts(
  pod: Pod,
  all: readonly LogstashLink[],
  injected: readonly { link: string; role: string }[],
): void {
  const receivers = all.filter(({ metadata }) =>
    injected.some(({ link: name, role }) => name === metadata.name && role === 'receiver'),
  )
  const delivered = receivers.flatMap(({ spec }) => {
    const { http, tcp } = spec.receiver.deliver ?? {}
    return [http?.port, tcp?.port]
  })
  const ours = tcpPorts((pod.spec.initContainers ?? []).filter(({ name }) => isOurs(name)))
  assert.deepEqual(
    ours.filter((each) => delivered.includes(each)),
    [],
  )
}

test('the property meets pods that are injected and pods that are left out', () => {
  const seen = new Set<string>()
  for (const [pod, all] of fc.sample(fc.tuple(pods, links), { numRuns: 500, seed: 7 })) {
    const { injected, skipped } = inject({
      pod,
      namespace: 'shop',
      links: all,
      options: operatorOptions,
    })
    if (injected.length > 0) seen.add('injected')
    for (const { reason } of skipped) seen.add(reason)
  }
  const all = [
    'injected',
    'OptedOut',
    'HostNetwork',
    'PortConflict',
    'VolumeForbidden',
    'VolumeMissing',
  ]
  assert.deepEqual(
    all.filter((each) => !seen.has(each)),
    [],
  )
  assert.equal(sidecarName('a', 'sender'), 'lsl-sender-a')
})

function tcpPorts(all: readonly PodContainer[]): number[] {
  return all.flatMap(({ ports = [] }) =>
    ports
      .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
      .map(({ containerPort }) => containerPort),
  )
}

import assert from 'node:assert/strict'
import test from 'node:test'
import type { LogstashLink } from '../../src/api/link.ts'
import { injectedAnnotation, injectedLabel, labels, mounts } from '../../src/api/names.ts'
import type { KubeObject, ObjectMeta } from '../../src/api/objects.ts'
import { inject } from '../../src/injector/inject.ts'
import type { Pod, PodContainer } from '../../src/injector/pod.ts'
import { linkOf, operatorOptions } from '../support/links.ts'

function podOf(spec: Record<string, unknown> = {}, metadata: Partial<ObjectMeta> = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'shop', labels: { app: 'web' }, ...metadata },
    spec: { containers: [{ name: 'app', image: 'app' }], ...spec },
  }
}

function injectInto(pod: KubeObject, ...links: LogstashLink[]) {
  return inject({ pod, namespace: 'shop', links, options: operatorOptions })
}

function sidecars(pod: KubeObject): PodContainer[] {
  return (pod as Pod).spec.initContainers ?? []
}

const web = { matchLabels: { app: 'web' } }

const unix = linkOf({
  receiver: {
    selector: { matchLabels: { app: 'web' } },
    deliver: { unix: { volume: 'sock', path: 'in.sock' } },
  },
  sender: undefined,
})

const logs = { name: 'logs', emptyDir: {} }
const tail = (paths: string[], more: object = {}) =>
  linkOf({ sender: { selector: web, collect: { files: { volume: 'logs', paths } }, ...more } })
const mounting = (...mounts: object[][]) =>
  podOf({
    containers: mounts.map((volumeMounts, index) => ({ name: `app-${index}`, volumeMounts })),
    volumes: [logs, { name: 'other', emptyDir: {} }],
  })

const fileSkips: [string, KubeObject, LogstashLink, string, RegExp][] = [
  [
    'lacks the volume of the files',
    podOf(),
    tail(['/var/log/app/*.log']),
    'VolumeMissing',
    /no volume logs, which `spec\.sender\.collect\.files\.volume`/,
  ],
  [
    'has a Secret for the volume of the files',
    podOf({ volumes: [{ name: 'logs', secret: {} }] }),
    tail(['/var/log/app/*.log']),
    'VolumeForbidden',
    /spec\.sender\.collect\.files\.volume.*got secret/,
  ],
  [
    'mounts the volume of the files nowhere',
    mounting([]),
    tail(['/var/log/app/*.log']),
    'VolumeNotMounted',
    /volume logs where \/var\/log\/app\/\*\.log .*none mounts it at all/,
  ],
  [
    'mounts the volume of the files elsewhere',
    mounting([{ name: 'logs', mountPath: '/var/log/application' }]),
    tail(['/var/log/app/*.log']),
    'VolumeNotMounted',
    /\/var\/log\/app\/\*\.log .*it is mounted at \/var\/log\/application,/,
  ],
  [
    'mounts the volume of the files below a wildcard',
    mounting([{ name: 'logs', mountPath: '/var/log/app' }]),
    tail(['/var/log/*/x.log']),
    'VolumeNotMounted',
    /before its first wildcard must lie there/,
  ],
  [
    'has another volume where the files lie',
    mounting([
      { name: 'logs', mountPath: '/var/log' },
      { name: 'other', mountPath: '/var/log/app' },
    ]),
    tail(['/var/log/app/*.log']),
    'VolumeNotMounted',
    /volume logs where/,
  ],
  [
    'mounts a part of the volume of the files',
    mounting([{ name: 'logs', mountPath: '/var/log/app', subPath: 'a' }]),
    tail(['/var/log/app/*.log']),
    'VolumeNotMounted',
    /app-0 mounts a part of volume logs at \/var\/log\/app \(subPath\)/,
  ],
  [
    'mounts the volume of the files at two places that hold them',
    mounting(
      [{ name: 'logs', mountPath: '/var/log' }],
      [{ name: 'logs', mountPath: '/var/log/app/' }],
    ),
    tail(['/var/log/app/*.log']),
    'MountConflict',
    /at \/var\/log and \/var\/log\/app, so that/,
  ],
  [
    'mounts the volume of the files within itself',
    mounting(
      [
        { name: 'logs', mountPath: '/var/log' },
        { name: 'other', mountPath: '/var/log/app' },
      ],
      [{ name: 'logs', mountPath: '/var/log/app' }],
    ),
    tail(['/var/log/x/*.log', '/var/log/app/*.log']),
    'MountConflict',
    /at \/var\/log and \/var\/log\/app, one within the other/,
  ],
  ...[
    '/app',
    '/etc',
    '/usr/lib',
    '/var/lib',
    '/var/lib/logstash-link/more',
    '/var/run/secrets',
  ].map((mountPath): [string, KubeObject, LogstashLink, string, RegExp] => [
    `mounts the volume of the files at ${mountPath}, where a sidecar has its own`,
    mounting([{ name: 'logs', mountPath }]),
    tail([`${mountPath}/*.log`]),
    'MountConflict',
    /where a sidecar has \/.*; mount it elsewhere/,
  ]),
]

const spooling = linkOf({
  sender: {
    selector: web,
    collect: { http: { port: 9801 } },
    queue: { type: 'Disk', volume: 'spool' },
  },
})
const onlyReadable: [string, KubeObject, LogstashLink, string, RegExp][] = [
  [
    'lacks the volume of the queue',
    podOf(),
    spooling,
    'VolumeMissing',
    /spec\.sender\.queue\.volume/,
  ],
  [
    'has a claim for the queue that can only be read',
    podOf({
      volumes: [{ name: 'spool', persistentVolumeClaim: { claimName: 'a', readOnly: true } }],
    }),
    spooling,
    'VolumeForbidden',
    /volume spool, which `spec\.sender\.queue\.volume` names, to be writable/,
  ],
]

const skips: [string, KubeObject, LogstashLink, string, RegExp][] = [
  [
    'opts out by label',
    podOf({}, { labels: { app: 'web', 'logstashlink.io/inject': 'false' } }),
    linkOf(),
    'OptedOut',
    /opts out by its label/,
  ],
  ['uses the host’s network', podOf({ hostNetwork: true }), linkOf(), 'HostNetwork', /hostNetwork/],
  [
    'is a static one’s mirror',
    podOf({}, { annotations: { 'kubernetes.io/config.mirror': 'a1b2' } }),
    linkOf(),
    'StaticPod',
    /from a file/,
  ],
  ['is for Windows', podOf({ os: { name: 'windows' } }), linkOf(), 'Windows', /Linux only/],
  [
    'is for Windows by its node selector',
    podOf({ nodeSelector: { 'kubernetes.io/os': 'windows' } }),
    linkOf(),
    'Windows',
    /Linux only/,
  ],
  [
    'has a container of the sidecar’s name',
    podOf({ initContainers: [{ name: 'lsl-sender-orders' }] }),
    linkOf(),
    'NameTaken',
    /container lsl-sender-orders/,
  ],
  [
    'has a volume of the sidecar’s',
    podOf({ volumes: [{ name: 'lsl-sender-orders-state', emptyDir: {} }] }),
    linkOf(),
    'NameTaken',
    /volume lsl-sender-orders-state/,
  ],
  ['lacks the volume that the link names', podOf(), unix, 'VolumeMissing', /no volume sock/],
  ...['secret', 'hostPath', 'projected', 'configMap', 'csi', 'nfs'].map(
    (type): [string, KubeObject, LogstashLink, string, RegExp] => [
      `has a ${type} where the link wants a volume`,
      podOf({ volumes: [{ name: 'sock', [type]: {} }] }),
      unix,
      'VolumeForbidden',
      new RegExp(`persistentVolumeClaim, got ${type}`),
    ],
  ),
  [
    'uses the volume as a raw block device',
    podOf({
      containers: [
        { name: 'app', image: 'app', volumeDevices: [{ name: 'data', devicePath: '/dev/xvda' }] },
      ],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'disk' } }],
    }),
    linkOf({
      receiver: {
        selector: { matchLabels: { app: 'web' } },
        deliver: { file: { volume: 'data', path: 'in.ndjson' } },
      },
      sender: undefined,
    }),
    'VolumeForbidden',
    /volume data, which `spec\.receiver\.deliver\.file\.volume` names.*container app .*raw block device/,
  ],
  ...onlyReadable,
  ...fileSkips,
  [
    'uses the port itself',
    podOf({ containers: [{ name: 'app', ports: [{ containerPort: 9801 }] }] }),
    linkOf(),
    'PortConflict',
    /^Port 9801, which the sender of link orders wants, is used by a container of the pod/,
  ],
]
for (const [title, pod, link, reason, message] of skips) {
  test(`a pod that ${title} starts as it is, and the reason is told`, () => {
    const result = injectInto(pod, link)
    assert.deepEqual(result.injected, [])
    assert.deepEqual(
      result.skipped.map((each) => each.reason),
      [reason],
    )
    assert.match(result.skipped[0]?.message ?? '', message)
    assert.deepEqual((result.pod as Pod).spec, (pod as Pod).spec)
    assert.deepEqual(result.pod.metadata.labels, pod.metadata.labels)
  })
}

test('a pod on its node’s network gets an annotation that says so, and nothing else', () => {
  const { patch } = injectInto(podOf({ hostNetwork: true }), linkOf())
  const [key, ...more] = patch.flatMap((each) =>
    each.op === 'add' && each.path === '/metadata/annotations'
      ? Object.entries(each.value as Record<string, string>)
      : [['other', each.path]],
  )
  assert.deepEqual(more, [])
  assert.equal(key?.[0], injectedAnnotation('orders', 'sender'))
  assert.match(key?.[1] ?? '', /^\{"skipped":"HostNetwork","message":".*hostNetwork/)
})

const isInjected = (pod: KubeObject) => pod.metadata.labels?.[labels.injected]

test('a pod with a sidecar is labelled as injected, one without is not', () => {
  const { pod } = injectInto(podOf(), linkOf())
  assert.equal(isInjected(pod), 'true')
  const narrow = linkOf({ sender: { selector: web, collect: { http: { port: 9999 } } } })
  const taken = { ...(pod as Pod) }
  taken.spec = {
    ...taken.spec,
    containers: [{ name: 'app', ports: [{ containerPort: 9999 }] }],
  }
  const copied = injectInto(taken, narrow)
  assert.deepEqual(
    copied.skipped.map(({ reason }) => reason),
    ['PortConflict'],
  )
  assert.equal(isInjected(copied.pod), undefined)
})

test('a pod that no selector picks gets nothing, not even an annotation', () => {
  const result = injectInto(podOf({}, { labels: { app: 'other' } }), linkOf())
  assert.deepEqual(result.patch, [])
  assert.deepEqual(result.skipped, [])
})

test('links of other namespaces and links that are being deleted are passed over', () => {
  const result = injectInto(
    podOf(),
    linkOf({}, { namespace: 'other' }),
    linkOf({}, { deletionTimestamp: '2026-11-22T11:00:00Z' }),
  )
  assert.deepEqual(result.patch, [])
})

test('a suspended link still injects', () => {
  assert.equal(injectInto(podOf(), linkOf({ suspend: true })).injected.length, 1)
})

test('of two links that want one port the younger yields, by creation time and then by name', () => {
  const old = linkOf({}, { name: 'z', creationTimestamp: '2026-11-20T10:00:00Z' })
  const young = linkOf({}, { name: 'a' })
  const other = linkOf({}, { name: 'b' })
  const byTime = injectInto(podOf(), young, old)
  assert.deepEqual(byTime.injected, [{ link: 'z', role: 'sender' }])
  assert.match(byTime.skipped[0]?.message ?? '', /used by the sender of link z;/)
  const byName = injectInto(podOf(), other, young)
  assert.deepEqual(byName.injected, [{ link: 'a', role: 'sender' }])
})

const delivering = (port: number, name: string, day: number) =>
  linkOf(
    { receiver: { selector: web, deliver: { http: { port } } }, sender: undefined },
    { name, creationTimestamp: `2026-11-0${day}T10:00:00Z` },
  )
const collecting = (port: number, name: string, day: number) =>
  linkOf(
    { sender: { selector: web, collect: { http: { port } } } },
    { name, creationTimestamp: `2026-11-0${day}T10:00:00Z` },
  )
const ofApplication: [string, LogstashLink[], string, RegExp][] = [
  [
    'a younger sender does not listen there',
    [delivering(8080, 'in', 1), collecting(8080, 'out', 2)],
    'in receiver',
    /^Port 8080, which the sender of link out wants, is used by the application, to which the receiver of link in delivers;/,
  ],
  [
    'a younger receiver does not listen there',
    [
      delivering(9900, 'in', 1),
      linkOf(
        { receiver: { selector: web, port: 9900, deliver: { stdout: {} } }, sender: undefined },
        { name: 'more' },
      ),
    ],
    'in receiver',
    /^Port 9900, which the receiver of link more wants, is used by the application/,
  ],
  [
    'a younger receiver does not deliver to an older sender',
    [delivering(8080, 'in', 2), collecting(8080, 'out', 1)],
    'out sender',
    /^Port 8080, where the receiver of link in meets the application, is used by the sender of link out;/,
  ],
  [
    'the sender of the same link does not listen there',
    [linkOf({ receiver: { selector: web, deliver: { http: { port: 9801 } } } })],
    'orders receiver',
    /^Port 9801, which the sender of link orders wants, is used by the application/,
  ],
]
for (const [title, links, injected, message] of ofApplication) {
  test(`where a link delivers to an undeclared port of the application, ${title}`, () => {
    const result = injectInto(podOf(), ...links)
    assert.deepEqual(
      result.injected.map(({ link, role }) => `${link} ${role}`),
      [injected],
    )
    assert.deepEqual(
      result.skipped.map(({ reason }) => reason),
      ['PortConflict'],
    )
    assert.match(result.skipped[0]?.message ?? '', message)
  })
}

test('two links may deliver to one port of the application, and one that is left out still guards it', () => {
  const [first, second] = [delivering(8080, 'a', 1), delivering(8080, 'b', 2)]
  second.spec.receiver.port = 9810
  const taken = podOf({ containers: [{ name: 'app', ports: [{ containerPort: 9800 }] }] })
  const result = injectInto(taken, first, second, collecting(8080, 'c', 3))
  assert.deepEqual(result.injected, [{ link: 'b', role: 'receiver' }])
  assert.match(result.skipped[1]?.message ?? '', /to which the receiver of link a delivers/)
})

test('one pod may be both sender and receiver, of several links, each sidecar with ports of its own', () => {
  const both = linkOf({ receiver: { selector: web, deliver: { stdout: {} } } })
  const relay = linkOf(
    { sender: { selector: web, collect: { http: { port: 9601 }, tcp: { port: 9603 } } } },
    { name: 'relay' },
  )
  const { pod } = injectInto(podOf(), both, relay)
  assert.deepEqual(
    sidecars(pod).map(({ name, ports = [] }) => [name, ports.map((port) => port.containerPort)]),
    [
      ['lsl-receiver-orders', [9800, 9602]],
      ['lsl-sender-orders', [9801, 9604]],
      ['lsl-sender-relay', [9601, 9603, 9605]],
    ],
  )
  const note = pod.metadata.annotations?.[injectedAnnotation('relay', 'sender')] ?? ''
  assert.match(note, /^\{"hash":"[0-9a-f]{16}","healthPort":9605\}$/)
  assert.equal(pod.metadata.labels?.[injectedLabel('orders', 'receiver')], 'true')
})

test('health ports keep away from where the application is known to listen', () => {
  const link = linkOf({
    receiver: { selector: { matchLabels: { app: 'web' } }, deliver: { http: { port: 9601 } } },
    sender: undefined,
  })
  const pod = podOf({
    containers: [
      { name: 'app', livenessProbe: { grpc: { port: 9602 } } },
      { name: 'more', ports: [{ containerPort: 9603, protocol: 'UDP' }] },
    ],
  })
  const [sidecar] = sidecars(injectInto(pod, link).pod)
  const args = sidecar?.['args'] as string[] | undefined
  assert.deepEqual(args?.slice(-2), ['--health-port', '9603'])
})

test('a second link that comes between two invocations leaves the first sidecar alone', () => {
  const first = injectInto(podOf(), linkOf())
  const late = linkOf(
    { sender: { selector: { matchLabels: { app: 'web' } }, collect: { http: { port: 9601 } } } },
    { name: 'late', creationTimestamp: '2026-01-01T00:00:00Z' },
  )
  const second = injectInto(first.pod, linkOf(), late)
  assert.deepEqual(second.injected, [])
  assert.match(second.skipped[0]?.message ?? '', /health endpoint of another sidecar/)
})

test('a link that comes between two invocations gets a health port beside the first sidecar’s', () => {
  const first = injectInto(podOf(), linkOf())
  const late = linkOf(
    { sender: { selector: { matchLabels: { app: 'web' } }, collect: { http: { port: 9803 } } } },
    { name: 'late' },
  )
  const second = injectInto(first.pod, linkOf(), late)
  const ports = sidecars(second.pod).map(({ ports: all = [] }) => all.at(-1)?.containerPort)
  assert.deepEqual(ports, [9602, 9601])
})

test('a sidecar that was copied from an older pod is made anew', () => {
  const old = injectInto(podOf(), linkOf({ auth: { secretRef: { name: 'basic' } } })).pod
  const result = injectInto(old, linkOf())
  assert.deepEqual(result.pod, injectInto(podOf(), linkOf()).pod)
})

test('the link’s image is the operator’s, and a new one makes no pod outdated', () => {
  const { pod } = injectInto(podOf(), linkOf())
  const options = { ...operatorOptions, image: 'logstash-link:next' }
  const again = inject({ pod, namespace: 'shop', links: [linkOf()], options })
  assert.deepEqual(again.patch, [])
})

const users: [string, Record<string, unknown>, number][] = [
  ['nobody says', {}, 65_532],
  ['the pod says', { securityContext: { runAsUser: 1000 } }, 1000],
  ['the pod says root', { securityContext: { runAsUser: 0 } }, 65_532],
  ['containers agree', { containers: [{ name: 'app', securityContext: { runAsUser: 7 } }] }, 7],
  [
    'containers differ',
    {
      containers: [
        { name: 'app', securityContext: { runAsUser: 7 } },
        { name: 'b', securityContext: { runAsUser: 8 } },
      ],
    },
    65_532,
  ],
]
for (const [title, spec, user] of users) {
  test(`the sidecar runs as user ${user} where ${title}`, () => {
    const [sidecar] = sidecars(injectInto(podOf(spec), linkOf()).pod)
    assert.partialDeepStrictEqual(sidecar?.securityContext, { runAsUser: user, runAsNonRoot: true })
  })
}

test('files are read where the application mounts them, and can only be read', () => {
  const pod = mounting(
    [{ name: 'logs', mountPath: '/var/log/app/' }],
    [{ name: 'logs', mountPath: '/srv/log', readOnly: true }],
  )
  const paths = ['/var/log/app/*.log', '/srv/log/a/b.json', '/var/log/app/x/*']
  const [sidecar] = sidecars(injectInto(pod, tail(paths)).pod)
  assert.deepEqual(
    sidecar?.volumeMounts?.filter(({ name }) => name === 'logs'),
    [
      { name: 'logs', mountPath: '/srv/log', readOnly: true },
      { name: 'logs', mountPath: '/var/log/app', readOnly: true },
    ],
  )
  const args = sidecar?.['args'] as string[]
  assert.deepEqual(
    args.filter((_, index) => args[index - 1] === '--file'),
    paths,
  )
})

test('a queue on a volume of the pod takes the place of our emptyDir', () => {
  const claim = { name: 'spool', persistentVolumeClaim: { claimName: 'a' } }
  const { pod } = injectInto(podOf({ volumes: [claim] }), spooling)
  const [sidecar] = sidecars(pod)
  const mount = sidecar?.volumeMounts?.find(({ mountPath }) => mountPath === mounts.state)
  assert.deepEqual(mount, { name: 'spool', mountPath: mounts.state })
  const names = (pod as Pod).spec.volumes?.map(({ name }) => name)
  assert.deepEqual(names, ['spool', 'lsl-sender-orders-config', 'lsl-sender-orders-token'])
})

const graces: [number | undefined, string | undefined][] = [
  [undefined, undefined],
  [30, undefined],
  [10, '8000ms'],
  [25, '20000ms'],
  [60, '55000ms'],
  [0, '800ms'],
]
for (const [seconds, grace] of graces) {
  test(`in a pod with a grace of ${seconds ?? 'no'} seconds the sidecar drains for ${grace ?? 'its default'}`, () => {
    const spec = seconds === undefined ? {} : { terminationGracePeriodSeconds: seconds }
    const [sidecar] = sidecars(injectInto(podOf(spec), linkOf()).pod)
    const args = sidecar?.['args'] as string[]
    assert.equal(args[args.indexOf('--grace') + 1], grace ?? args[0])
  })
}

test('a pod of the class Guaranteed stays in it', () => {
  const resources = { limits: { cpu: '2', memory: '1Gi' }, requests: { cpu: '2', memory: '1Gi' } }
  const pod = podOf({ containers: [{ name: 'app', resources }] })
  const [sidecar] = sidecars(injectInto(pod, linkOf()).pod)
  assert.deepEqual(sidecar?.resources?.requests, sidecar?.resources?.limits)
})

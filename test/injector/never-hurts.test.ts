/** The seven rules of "Injection never hurts the application", as far as the pod itself shows them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { injectionHash } from '../../src/api/injection.ts'
import type { LogstashLink } from '../../src/api/link.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import type { OperatorOptions } from '../../src/api/operator-options.ts'
import { parseLink } from '../../src/api/validate.ts'
import { inject } from '../../src/injector/inject.ts'
import { linkOf, operatorOptions } from '../support/links.ts'
import { goodSamples } from '../support/samples.ts'
import { assertHarmless, sidecarsOf } from '../support/sidecar-rules.ts'

const web = { matchLabels: { app: 'web' } }

function injected(
  links: LogstashLink[],
  spec: object = {},
  options: OperatorOptions = operatorOptions,
) {
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'shop', labels: { app: 'web' } },
    spec: { containers: [{ name: 'app', image: 'app' }], ...spec },
  }
  return inject({ pod, namespace: 'shop', links, options }).pod
}

const sock = { name: 'sock', emptyDir: {} }
const data = { name: 'data', persistentVolumeClaim: { claimName: 'data' } }
for (const { name, link: raw } of goodSamples()) {
  const { link } = parseLink({ ...raw, metadata: { ...raw.metadata, namespace: 'shop' } })
  if (link === undefined) continue
  // Pods of every role that the sample has.
  if (link.spec.receiver.selector !== undefined) link.spec.receiver.selector = web
  if (link.spec.sender !== undefined) link.spec.sender.selector = web
  test(`a pod of sample ${name} is not hurt`, () => {
    const { unix, file } = link.spec.receiver.deliver ?? {}
    const { collect, queue } = link.spec.sender ?? {}
    const files = collect?.files?.volume
    const volumes = [unix?.volume, file?.volume, files, queue?.volume].filter(
      (volume) => volume !== undefined,
    )
    const logs = files === undefined ? [] : [{ name: files, mountPath: '/srv/log' }]
    const pod = injected([link], {
      containers: [{ name: 'app', image: 'app', volumeMounts: logs }],
      volumes: volumes.map((volume) => ({ name: volume, emptyDir: {} })),
    })
    assertHarmless(pod, volumes)
  })
}

const token = {
  name: 'kube-api-access-x',
  projected: { sources: [{ serviceAccountToken: { path: 'token' } }] },
}
const custom = {
  name: 'vault',
  projected: { sources: [{ serviceAccountToken: { path: 'vault' } }] },
}
const pods: [string, object][] = [
  [
    'mounts its token itself',
    {
      containers: [
        {
          name: 'app',
          image: 'app',
          volumeMounts: [
            { name: token.name, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
            { name: custom.name, mountPath: '/var/run/secrets/vault' },
          ],
        },
      ],
      volumes: [token, custom, sock, data],
    },
  ],
  ['wants no token', { automountServiceAccountToken: false, volumes: [sock, data] }],
  [
    'has init containers of its own',
    {
      initContainers: [{ name: 'setup', image: 'app' }],
      volumes: [sock, data],
    },
  ],
  ['runs as root', { securityContext: { runAsUser: 0 }, volumes: [sock, data] }],
]
for (const [title, spec] of pods) {
  test(`several sidecars in a pod that ${title} get nothing of what is the application’s`, () => {
    const links = [
      linkOf({
        receiver: { selector: web, deliver: { unix: { volume: 'sock', path: 'a.sock' } } },
        auth: { secretRef: { name: 'basic' } },
      }),
      linkOf(
        {
          receiver: {
            selector: web,
            port: 9810,
            deliver: { file: { volume: 'data', path: 'in' } },
          },
          sender: { selector: web, collect: { tcp: { port: 9820 } } },
          tls: { issuerRef: { name: 'ca' }, clientAuthentication: 'Required' },
        },
        { name: 'relay' },
      ),
    ]
    const pod = injected(links, spec)
    assert.deepEqual(
      sidecarsOf(pod).map(({ name, args = [] }) => [name, args.at(-1)]),
      [
        ['lsl-receiver-orders', '9601'],
        ['lsl-sender-orders', '9602'],
        ['lsl-receiver-relay', '9603'],
        ['lsl-sender-relay', '9604'],
      ],
    )
    assertHarmless(pod, ['sock', 'data'])
  })
}

test('what is given to the pod as a whole the sidecar shares, even where its link asks for more', () => {
  const greedy = linkOf({
    sender: {
      selector: web,
      collect: { http: { port: 9801 } },
      sidecar: { resources: { requests: { memory: '1Gi' } } },
    },
  })
  const memory = { resources: { limits: { memory: '200Mi' } } }
  const [sidecar] = sidecarsOf(injected([greedy], memory))
  assert.deepEqual(sidecar?.resources, { requests: { cpu: '50m' }, limits: { cpu: '1' } })
})

test('a sidecar asks for CPU and memory and limits both, whatever the link leaves open', () => {
  const open = linkOf({
    sender: {
      selector: web,
      collect: { http: { port: 9801 } },
      sidecar: { resources: { requests: { cpu: '10m' } } },
    },
  })
  for (const link of [linkOf(), open]) {
    const [sidecar] = sidecarsOf(injected([link]))
    for (const amounts of [sidecar?.resources?.requests, sidecar?.resources?.limits]) {
      assert.deepEqual(Object.keys(amounts ?? {}).toSorted(), ['cpu', 'memory'])
    }
  }
})

const sameHash: [string, LogstashLink][] = [
  ['another status', { ...linkOf(), status: { hosts: ['10.0.0.1:9800'] } }],
  ['a suspension', linkOf({ suspend: true })],
  ['another way of rollout', linkOf({ rollout: 'Automatic' })],
  ['other balancing', linkOf({ balancing: { coolOff: '5s' } })],
  [
    'another batch',
    linkOf({
      sender: { selector: web, collect: { http: { port: 9801 } }, batch: { maxEvents: 5 } },
    }),
  ],
  [
    'another server name',
    linkOf({ tls: { issuerRef: { name: 'shop-ca' }, serverName: 'x.example' } }),
  ],
  ['other labels', linkOf({}, { labels: { team: 'a' }, generation: 9 })],
]
for (const [title, link] of sameHash) {
  test(`${title} makes no pod outdated: it reaches the sidecar that runs`, () => {
    assert.equal(injectionHash(link, 'sender'), injectionHash(linkOf(), 'sender'))
  })
}

const otherHash: [string, object][] = [
  [
    'place of files',
    { collect: { http: { port: 9801 }, files: { volume: 'logs', paths: ['/l/*'] } } },
  ],
  ['type of queue', { collect: { http: { port: 9801 } }, queue: { type: 'Disk' } }],
  ['port', { collect: { http: { port: 9809 } } }],
  [
    'resources',
    { collect: { http: { port: 9801 } }, sidecar: { resources: { limits: { cpu: '2' } } } },
  ],
]
for (const [title, sender] of otherHash) {
  test(`another ${title} makes the pods outdated`, () => {
    const changed = linkOf({ sender: { selector: web, ...sender } })
    assert.notEqual(injectionHash(changed, 'sender'), injectionHash(linkOf(), 'sender'))
  })
}

const queueing = (queue: object) =>
  linkOf({ sender: { selector: web, collect: { http: { port: 9801 } }, queue } })

test('a queue on the pod’s own volume that grows makes no pod outdated, on another volume it does', () => {
  const hashes = [
    { type: 'Disk', volume: 'spool', maxSize: '1Gi' },
    { type: 'Disk', volume: 'spool', maxSize: '2Gi' },
    { type: 'Disk', volume: 'other', maxSize: '1Gi' },
    { type: 'Disk', maxSize: '1Gi' },
    { type: 'Disk', maxSize: '2Gi' },
  ].map((queue) => injectionHash(queueing(queue), 'sender'))
  assert.equal(hashes[0], hashes[1])
  assert.equal(new Set(hashes).size, 4)
})

test('the image, its pull policy and the resources that the operator chooses make no pod outdated', () => {
  const chosen: OperatorOptions = {
    image: 'logstash-link:next',
    clusterDomain: 'example.org',
    imagePullPolicy: 'Never',
    defaultResources: { limits: { memory: '1Gi' } },
  }
  const notes = [operatorOptions, chosen].map(
    (options) => injected([linkOf()], {}, options).metadata.annotations,
  )
  assert.deepEqual(notes[0], notes[1])
})

import test from 'node:test'
import type { LogstashLink } from '../../src/api/link.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import type { Observed } from '../../src/api/observed.ts'
import { desiredObjects } from '../../src/desired/desired-objects.ts'
import { discoverHosts } from '../../src/discovery/discover-hosts.ts'
import { inject } from '../../src/injector/inject.ts'
import { assertGolden } from '../support/golden.ts'
import { linkOf, observedOf, observedPod, operatorOptions } from '../support/links.ts'

const indexer = { matchLabels: { app: 'indexer' } }
const sender = { selector: { matchLabels: { app: 'web' } }, collect: { http: { port: 9801 } } }
const issuerRef = { name: 'shop-ca' }

const links: [string, LogstashLink, Partial<Observed>?][] = [
  ['quickstart', linkOf()],
  [
    'deliver-tcp-client-certificates',
    linkOf({
      receiver: { selector: indexer, port: 9810, deliver: { tcp: { port: 5000 } } },
      tls: {
        issuerRef: { name: 'all', kind: 'ClusterIssuer' },
        clientAuthentication: 'Required',
        serverName: 'logs.example.com',
        duration: '24h',
        renewBefore: '8h',
        dnsNames: ['logs.example.com', '*.logs.example.com'],
        ipAddresses: ['192.0.2.7'],
      },
      auth: { secretRef: { name: 'orders-basic' } },
    }),
  ],
  [
    'deliver-unix-pod-ips',
    linkOf({
      receiver: { selector: indexer, deliver: { unix: { volume: 'sock', path: 'run/in.sock' } } },
      tls: { issuerRef, includePodIPs: true },
    }),
    {
      pods: ['10.1.0.13', '10.1.0.12'].map((ip) =>
        observedPod(`indexer-${ip}`, { roles: ['receiver'], ips: [ip], ready: false }),
      ),
    },
  ],
  [
    'deliver-file-tuned',
    linkOf({
      receiver: {
        selector: indexer,
        deliver: { file: { volume: 'data', path: 'in.ndjson', fsync: true } },
        deadLetter: { maxSize: '1Gi' },
        sidecar: { resources: { limits: { memory: '64Mi' } }, logLevel: 'Debug' },
      },
      sender: {
        selector: { matchLabels: { app: 'web' } },
        collect: { http: { port: 9801 }, tcp: { port: 9802 } },
        decorate: 'Kubernetes',
        batch: { maxEvents: 100, maxBytes: '512Ki', maxWait: '1s' },
        queue: { maxSize: '256Mi', onFull: 'DropOldest' },
        sidecar: { resources: { requests: { cpu: 2 } } },
      },
      balancing: { coolOff: '10s', preferSameZone: true },
      tls: {
        issuerRef,
        serviceNames: false,
        serverName: 'logs.example.com',
        dnsNames: ['logs.example.com'],
      },
    }),
    { nodeZones: { 'node-1': 'a' } },
  ],
  [
    'files-disk-on-volume',
    linkOf({
      receiver: { selector: indexer, deliver: { stdout: {} } },
      sender: {
        selector: { matchLabels: { app: 'web' } },
        collect: { files: { volume: 'logs', paths: ['/var/log/app/*.log', '/var/log/app/old/*'] } },
        queue: { type: 'Disk', maxSize: '10Gi', volume: 'data' },
      },
    }),
  ],
  [
    'disk-on-our-own',
    linkOf({
      sender: {
        selector: { matchLabels: { app: 'web' } },
        collect: { http: { port: 9801 }, files: { volume: 'logs', paths: ['/var/log/app/*.log'] } },
        queue: { type: 'Disk', maxSize: '1Gi' },
      },
    }),
  ],
  [
    'receivers-alone-stdout',
    linkOf({
      receiver: { selector: indexer, deliver: { stdout: {} } },
      sender: undefined,
    }),
  ],
  [
    'hosts',
    linkOf({
      receiver: { hosts: ['10.0.0.123:9800', 'ds.example.com', '[::1]:9803'] },
      sender,
      tls: { trust: { secretRef: { name: 'ds-ca' } } },
    }),
  ],
  [
    'service-client-certificates',
    linkOf({
      receiver: { serviceRef: { name: 'logstash', port: 9801 } },
      sender,
      tls: { issuerRef, clientAuthentication: 'Optional', verificationMode: 'None' },
    }),
  ],
  [
    'plain',
    linkOf({
      receiver: { selector: indexer, deliver: { http: { port: 8080, path: '/events' } } },
      tls: { enabled: false },
    }),
  ],
]

for (const [name, link, more] of links) {
  test(`the objects of the link ${name} are those of its golden file`, () => {
    const observed = observedOf(link, more)
    const objects = desiredObjects({
      observed,
      hosts: discoverHosts(observed).file,
      trustBundle: '',
      options: operatorOptions,
      newPassword: 'password-of-a-test',
    })
    assertGolden(`objects/${name}`, objects)
  })

  test(`pods of the link ${name} look as in its golden file`, () => {
    const pods = ['indexer', 'web'].map(
      (app): KubeObject => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: app, namespace: 'shop', labels: { app } },
        spec: {
          containers: [
            {
              name: 'app',
              image: app,
              ...(app === 'web'
                ? { volumeMounts: [{ name: 'logs', mountPath: '/var/log/app' }] }
                : {}),
            },
          ],
          volumes: [
            { name: 'logs', emptyDir: {} },
            { name: 'sock', emptyDir: {} },
            { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
          ],
        },
      }),
    )
    const injected = pods
      .map((pod) => inject({ pod, namespace: 'shop', links: [link], options: operatorOptions }))
      .filter(({ patch }) => patch.length > 0)
    assertGolden(
      `pods/${name}`,
      injected.map(({ pod }) => pod),
    )
  })
}

/** What the operator does, and what it must not be able to do, as requests. All are tried as dry runs. */
import { apiVersion } from '../../../src/api/names.ts'
import { containers, type World } from './world.ts'

/** APPLY is a server-side apply, PATCH a merge patch. */
type Verb = 'GET' | 'POST' | 'APPLY' | 'PATCH' | 'DELETE'
type Request = [verb: Verb, path: string, body?: object]
type Attempts = Record<string, Request | ((world: World) => Request)>

const webhooks = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
const policies = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings'
const leases = '/apis/coordination.k8s.io/v1/namespaces'
const managed = { labels: { 'app.kubernetes.io/managed-by': 'logstash-link' } }
const password = { data: { password: 'c2VjcmV0' } }

const core = (kind: string, name: string, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, ...metadata },
})
const service = (metadata: object, spec: object) => ({
  ...core('Service', 'orders-receiver', metadata),
  spec: { selector: { app: 'indexer' }, ports: [{ port: 9800 }], ...spec },
})
const secret = (name: string, metadata: object, more: object = {}) => ({
  ...core('Secret', name, metadata),
  type: 'Opaque',
  ...password,
  ...more,
})
const certificate = (metadata: object) => ({
  apiVersion: 'cert-manager.io/v1',
  kind: 'Certificate',
  metadata: { name: 'orders-receiver', ...metadata },
  spec: { secretName: 'orders-receiver-tls', dnsNames: ['a.b'], issuerRef: { name: 'ca' } },
})
const restarted = (kind: string): Request => [
  'APPLY',
  `${kind.toLowerCase()}s/web`,
  {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: 'web' },
    spec: { template: { metadata: { annotations: { 'logstashlink.io/restarted-for': 'abc' } } } },
  },
]
const webhook = (name: string) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
  metadata: { name },
})
const podRule = {
  apiGroups: [''],
  apiVersions: ['v1'],
  operations: ['CREATE'],
  resources: ['pods'],
}
const inNamespaces = (...values: string[]) => ({
  matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values }],
})
/** The configuration of the chart with the operator's entry, some of its fields replaced. */
const entry =
  (fields: object) =>
  ({ own, fullname }: World): Request => [
    'APPLY',
    `${webhooks}/${fullname}`,
    {
      ...webhook(fullname),
      webhooks: [
        {
          name: 'inject.logstashlink.io',
          clientConfig: { service: { name: `${fullname}-webhook`, namespace: own } },
          rules: [podRule],
          failurePolicy: 'Ignore',
          namespaceSelector: inNamespaces('shop'),
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          ...fields,
        },
      ],
    },
  ]
const metadata = (fields: object) => ({ metadata: fields })
const inTemplate = (fields: object) => ({ spec: { template: fields } })
const ofImage = { spec: { containers: [{ name: 'main', image: 'evil' }] } }

export const allowed: Attempts = {
  'lists links': ['GET', 'logstashlinks'],
  'lists Services': ['GET', 'services'],
  'lists ConfigMaps': ['GET', 'configmaps'],
  'lists pods': ['GET', 'pods'],
  'lists Certificates': ['GET', 'certificates'],
  'lists CertificateRequests': ['GET', 'certificaterequests'],
  'lists EndpointSlices': ['GET', 'endpointslices'],
  'lists nodes': ['GET', '/api/v1/nodes'],
  'reads a Secret by its name': ['GET', 'secrets/foreign'],
  'reads a workload by its name': ['GET', 'deployments/web'],
  'writes the status of a link': [
    'APPLY',
    'logstashlinks/orders/status',
    { apiVersion, kind: 'LogstashLink', metadata: { name: 'orders' }, status: {} },
  ],
  'makes a headless Service of a link': ({ owner }) => [
    'POST',
    'services',
    service(owner, { clusterIP: 'None' }),
  ],
  'applies a ConfigMap of a link': ({ owner }) => [
    'APPLY',
    'configmaps/of-a-link',
    core('ConfigMap', 'of-a-link', owner),
  ],
  'deletes a ConfigMap of a link': ['DELETE', 'configmaps/of-a-link'],
  'makes a Certificate of a link': ({ owner }) => ['POST', 'certificates', certificate(owner)],
  "makes the Secret of a keystore's password": ({ owner }) => [
    'POST',
    'secrets',
    secret('orders-keystore-password', { ...managed, ...owner }),
  ],
  "sets itself beside the owners of cert-manager's Secret": ({ owner }) => [
    'APPLY',
    'secrets/orders-receiver-tls',
    core('Secret', 'orders-receiver-tls', {
      ...owner,
      annotations: { 'logstashlink.io/applied': 'abc' },
    }),
  ],
  'annotates a pod': [
    'APPLY',
    'pods/web',
    core('Pod', 'web', { annotations: { 'logstashlink.io/nudged': 'now' } }),
  ],
  'restarts a Deployment': restarted('Deployment'),
  'restarts a StatefulSet': restarted('StatefulSet'),
  'restarts a DaemonSet': restarted('DaemonSet'),
  'writes an event': ({ namespace }) => [
    'POST',
    'events',
    {
      ...core('Event', 'orders.1'),
      involvedObject: { apiVersion, kind: 'LogstashLink', name: 'orders', namespace },
      reason: 'Ready',
    },
  ],
  'makes its Lease': ({ own, fullname }) => [
    'POST',
    `${leases}/${own}/leases`,
    { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: fullname } },
  ],
  'applies its webhook configuration': entry({}),
  'empties its webhook configuration': ({ fullname }) => [
    'APPLY',
    `${webhooks}/${fullname}`,
    { ...webhook(fullname), webhooks: [] },
  ],
}

/** The roles allow them, since RBAC knows no fields and no owners. */
export const refusedByPolicies: Attempts = {
  "changes a pod's image": ['APPLY', 'pods/web', { ...core('Pod', 'web'), ...ofImage }],
  "changes a pod's label": ['PATCH', 'pods/web', metadata({ labels: { app: 'evil' } })],
  "takes a pod's labels away": ['PATCH', 'pods/web', metadata({ labels: null })],
  "changes a pod's owner": ({ owner }) => ['PATCH', 'pods/web', metadata(owner)],
  'sets a finalizer on a pod': ['PATCH', 'pods/web', metadata({ finalizers: ['a.example/b'] })],
  'writes a foreign annotation of a pod': [
    'PATCH',
    'pods/web',
    metadata({ annotations: { 'a.example/b': 'c' } }),
  ],
  'takes a foreign annotation of a pod away': [
    'PATCH',
    'pods/web',
    metadata({ annotations: { kept: null } }),
  ],
  "changes a workload's replicas": ['PATCH', 'deployments/web', { spec: { replicas: 5 } }],
  "changes a workload's strategy": [
    'PATCH',
    'deployments/web',
    { spec: { strategy: { type: 'Recreate', rollingUpdate: null } } },
  ],
  "changes a workload's labels": ['PATCH', 'deployments/web', metadata({ labels: { a: 'b' } })],
  "changes a workload's annotations": [
    'PATCH',
    'statefulsets/web',
    metadata({ annotations: { a: 'b' } }),
  ],
  "changes a template's containers": ['PATCH', 'daemonsets/web', inTemplate(ofImage)],
  "changes a template's labels": [
    'PATCH',
    'deployments/web',
    inTemplate(metadata({ labels: { a: 'b' } })),
  ],
  'writes another annotation of a template': [
    'PATCH',
    'deployments/web',
    inTemplate(metadata({ annotations: { 'sidecar.example/inject': 'false' } })),
  ],
  'makes a ConfigMap of nobody': ['POST', 'configmaps', core('ConfigMap', 'new')],
  'takes a foreign ConfigMap over': ({ owner }) => [
    'APPLY',
    'configmaps/foreign',
    core('ConfigMap', 'foreign', owner),
  ],
  'takes the owner of an object away': [
    'PATCH',
    'configmaps/of-a-link',
    metadata({ ownerReferences: null }),
  ],
  'deletes a foreign ConfigMap': ['DELETE', 'configmaps/foreign'],
  'changes a foreign Service': ['PATCH', 'services/foreign', { spec: { selector: { a: 'b' } } }],
  'deletes a foreign Service': ['DELETE', 'services/foreign'],
  'deletes the Service of the API server': [
    'DELETE',
    '/api/v1/namespaces/default/services/kubernetes',
  ],
  'makes a Service of type NodePort': ({ owner }) => [
    'POST',
    'services',
    service(owner, { type: 'NodePort' }),
  ],
  'makes a Service with external addresses': ({ owner }) => [
    'POST',
    'services',
    service(owner, { clusterIP: 'None', externalIPs: ['192.0.2.1'] }),
  ],
  'makes a Certificate of nobody': ['POST', 'certificates', certificate({})],
  'deletes a foreign Certificate': ['DELETE', 'certificates/foreign'],
  'makes a Secret of nobody': ['POST', 'secrets', secret('a-keystore-password', managed)],
  'makes a Secret of another name': ({ owner }) => [
    'POST',
    'secrets',
    secret('new', { ...managed, ...owner }),
  ],
  'makes a Secret with other keys': ({ owner }) => [
    'POST',
    'secrets',
    secret('a-keystore-password', { ...managed, ...owner }, { data: { 'tls.key': '' } }),
  ],
  'makes itself a token of a service account': ({ owner }) => [
    'POST',
    'secrets',
    secret(
      'a-keystore-password',
      { ...managed, ...owner, annotations: { 'kubernetes.io/service-account.name': 'default' } },
      { type: 'kubernetes.io/service-account-token' },
    ),
  ],
  'changes a foreign Secret': ['PATCH', 'secrets/foreign', password],
  'sets itself beside the owners of a foreign Secret': ({ owner }) => [
    'PATCH',
    'secrets/foreign',
    metadata(owner),
  ],
  "sets itself beside the owners of another Certificate's Secret": ({ owner }) => [
    'PATCH',
    'secrets/other-tls',
    metadata(owner),
  ],
  "changes the key in cert-manager's Secret": [
    'PATCH',
    'secrets/orders-receiver-tls',
    { data: { 'tls.key': 'YQ==' } },
  ],
  "changes a label of cert-manager's Secret": [
    'PATCH',
    'secrets/orders-receiver-tls',
    metadata({ labels: { a: 'b' } }),
  ],
  "changes an annotation of cert-manager's Secret": [
    'PATCH',
    'secrets/orders-receiver-tls',
    metadata({ annotations: { 'cert-manager.io/certificate-name': 'other' } }),
  ],
  "takes cert-manager's annotations away": [
    'PATCH',
    'secrets/orders-receiver-tls',
    metadata({ annotations: null }),
  ],
  'has its webhook see Secrets': entry({ rules: [{ ...podRule, resources: ['secrets'] }] }),
  'has its webhook see everything': entry({
    rules: [{ ...podRule, apiGroups: ['*'], resources: ['*/*'] }],
  }),
  'has its webhook see changes of pods': entry({
    rules: [{ ...podRule, operations: ['CREATE', 'UPDATE'] }],
  }),
  'has its webhook keep pods from starting': entry({ failurePolicy: 'Fail' }),
  'has its webhook called elsewhere': entry({ clientConfig: { url: 'https://192.0.2.1/' } }),
  'has its webhook called by a foreign Service': ({ namespace, ...world }) =>
    entry({ clientConfig: { service: { name: 'foreign', namespace } } })({ namespace, ...world }),
  'has its webhook see all namespaces': entry({ namespaceSelector: {} }),
  'has its webhook see kube-system': entry({
    namespaceSelector: inNamespaces('shop', 'kube-system'),
  }),
  'has its webhook see its own namespace': (world) =>
    entry({ namespaceSelector: inNamespaces(world.own) })(world),
}

export const withoutRight: Attempts = {
  'lists the Secrets of a namespace': ['GET', 'secrets'],
  'lists all Secrets': ['GET', '/api/v1/secrets'],
  'deletes a Secret': ['DELETE', 'secrets/foreign'],
  'makes a pod': ['POST', 'pods', { ...core('Pod', 'new'), spec: { containers } }],
  'deletes a pod': ['DELETE', 'pods/web'],
  'evicts a pod': [
    'POST',
    'pods/web/eviction',
    { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'web' } },
  ],
  'enters a pod': ['POST', 'pods/web/exec'],
  'reads a log': ['GET', 'pods/web/log'],
  'adds an ephemeral container': ['PATCH', 'pods/web/ephemeralcontainers', {}],
  'writes the status of a pod': ['PATCH', 'pods/web/status', {}],
  'lists workloads': ['GET', 'deployments'],
  'makes a workload': ['POST', 'deployments', {}],
  'deletes a workload': ['DELETE', 'deployments/web'],
  'scales a workload': ['PATCH', 'deployments/web/scale', {}],
  'changes the spec of a link': ['PATCH', 'logstashlinks/orders', { spec: { suspend: true } }],
  'deletes a link': ['DELETE', 'logstashlinks/orders'],
  'lists service accounts': ['GET', 'serviceaccounts'],
  'gets a token': ['POST', 'serviceaccounts/default/token', {}],
  'reads roles': ['GET', 'roles'],
  'binds itself to a role': ['POST', 'rolebindings', {}],
  'binds itself to a role of the cluster': [
    'POST',
    '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
    {},
  ],
  'lists namespaces': ['GET', '/api/v1/namespaces'],
  'lists webhook configurations': ['GET', webhooks],
  'makes a webhook configuration': ['POST', webhooks, webhook('new')],
  'changes a foreign webhook configuration': ['PATCH', `${webhooks}/cert-manager-webhook`, {}],
  'deletes its webhook configuration': ({ fullname }) => ['DELETE', `${webhooks}/${fullname}`],
  'takes a policy away': ({ fullname }) => ['DELETE', `${policies}/${fullname}-pods`],
  'changes its own role': ({ fullname }) => [
    'PATCH',
    `/apis/rbac.authorization.k8s.io/v1/clusterroles/${fullname}`,
    {},
  ],
  'takes a Lease of another namespace': ['PATCH', `${leases}/kube-system/leases/any`, {}],
  'takes another Lease of its own namespace': ({ own }) => [
    'PATCH',
    `${leases}/${own}/leases/any`,
    {},
  ],
}

/** Until each of these is refused the policies are not in force yet. */
export const probes = [
  "changes a pod's label",
  "changes a workload's replicas",
  'deletes a foreign ConfigMap',
  'changes a foreign Secret',
  'has its webhook see Secrets',
] as const

export function requestOf(attempt: Request | ((world: World) => Request), world: World): Request {
  return typeof attempt === 'function' ? attempt(world) : attempt
}

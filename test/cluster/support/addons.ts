/** What a bare API server is given: our CRD, cert-manager's CRDs and webhooks, and kwok's node. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '../../../src/api/objects.ts'
import { eventually } from '../../support/eventually.ts'
import type { Api } from './api-request.ts'
import { clusterHome } from './binaries.ts'

const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const admission = '/apis/admissionregistration.k8s.io/v1'
/** The one node of kwok; pods name it, as there is no scheduler. */
const nodeName = 'fake1'

export function installLinkCrd(api: Api): Promise<void> {
  return installCrds(api, fileURLToPath(new URL('../../../crds/', import.meta.url)))
}

export function installCertManagerCrds(api: Api): Promise<void> {
  return installCrds(api, join(clusterHome(), 'manifests', 'cert-manager'))
}

export async function installCertManagerObjects(api: Api, webhookPort: number): Promise<void> {
  await installCertManagerCrds(api)
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'cert-manager' } }
  await apply(api, '/api/v1/namespaces', namespace)
  const webhook = (kind: string, path: string, rule: object): KubeObject => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: {
      name: 'cert-manager-webhook',
      annotations: {
        'cert-manager.io/inject-ca-from-secret': 'cert-manager/cert-manager-webhook-ca',
      },
    },
    webhooks: [
      {
        name: 'webhook.cert-manager.io',
        rules: [{ apiVersions: ['v1'], ...rule }],
        clientConfig: { url: `https://localhost:${webhookPort}/${path}` },
        admissionReviewVersions: ['v1'],
        matchPolicy: 'Equivalent',
        failurePolicy: 'Fail',
        sideEffects: 'None',
        timeoutSeconds: 30,
      },
    ],
  })
  await apply(
    api,
    `${admission}/validatingwebhookconfigurations`,
    webhook('Validating', 'validate', {
      apiGroups: ['cert-manager.io', 'acme.cert-manager.io'],
      operations: ['CREATE', 'UPDATE'],
      resources: ['*/*'],
    }),
  )
  await apply(
    api,
    `${admission}/mutatingwebhookconfigurations`,
    webhook('Mutating', 'mutate', {
      apiGroups: ['cert-manager.io'],
      operations: ['CREATE'],
      resources: ['certificaterequests'],
    }),
  )
}

/** An Issuer passes only when the webhook answers; both CA bundles must be there. */
export async function certManagerIsReady(api: Api): Promise<void> {
  await api.object('POST', '/apis/cert-manager.io/v1/namespaces/default/issuers?dryRun=All', {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Issuer',
    metadata: { name: 'probe' },
    spec: { selfSigned: {} },
  })
  const { webhooks } = await api.object<{ webhooks: { clientConfig: { caBundle?: string } }[] }>(
    'GET',
    `${admission}/mutatingwebhookconfigurations/cert-manager-webhook`,
  )
  assert.ok(webhooks[0]?.clientConfig.caBundle, 'the mutating webhook has no CA bundle yet')
}

export async function makeFakeNode(api: Api): Promise<void> {
  const resources = { cpu: '640', memory: '2560Gi', pods: '20000' }
  await apply(api, '/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: nodeName,
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
      labels: { type: 'kwok', 'kubernetes.io/hostname': nodeName },
    },
    spec: { taints: [{ key: 'kwok', value: 'fake', effect: 'NoSchedule' }] },
    status: { allocatable: resources, capacity: resources },
  })
}

export async function fakeNodeIsReady(api: Api): Promise<void> {
  const { status } = await api.object<{
    status: { conditions?: { type: string; status: string }[] }
  }>('GET', `/api/v1/nodes/${nodeName}`)
  const ready = status.conditions?.find(({ type }) => type === 'Ready')
  assert.equal(ready?.status, 'True', `node ${nodeName} is not ready`)
}

async function installCrds(api: Api, folder: string): Promise<void> {
  const files = globSync('*.yaml', { cwd: folder }).map((file) => join(folder, file))
  const wanted = files
    .flatMap((file) => parseAllDocuments(readFileSync(file, 'utf8')))
    .map((document) => document.toJS() as KubeObject)
    .filter(({ kind }) => kind === 'CustomResourceDefinition')
  await Promise.all(wanted.map((crd) => apply(api, crds, crd)))
  await Promise.all(
    wanted.map(({ metadata: { name } }) =>
      eventually(`${name} is established`, async () => {
        const { status } = await api.object<{
          status?: { conditions?: { type: string; status: string }[] }
        }>('GET', `${crds}/${name}`)
        const established = status?.conditions?.find(({ type }) => type === 'Established')
        assert.equal(established?.status, 'True')
      }),
    ),
  )
}

/** Server-side, so that a second time changes nothing that others have written since. */
async function apply(api: Api, collection: string, object: KubeObject): Promise<void> {
  const path = `${collection}/${object.metadata.name}?fieldManager=test-cluster&force=true`
  await api.object('PATCH', path, object, 'application/apply-patch+yaml')
}

/**
 * The chart's life with the real Helm on a real API server: install, upgrade, rollback, uninstall. A cluster of its own,
 * since it installs and removes what belongs to the whole of it. The operator's pods do not run here; a process of this
 * machine writes what the operator would, with its rights.
 */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { chartFolder } from '../../scripts/helm.ts'
import { plainManifestsFile } from '../../scripts/plain-manifests.ts'
import { apiVersion, plural } from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { eventually } from '../support/eventually.ts'
import { apiAs } from './support/api-as.ts'
import { startTestCluster, type TestCluster } from './support/test-cluster.ts'

const release = 'logstash-link'
const namespace = 'logstash-link-system'
const inNamespace = ['--namespace', namespace]
const apply = 'application/apply-patch+yaml'
const webhookPath = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${release}`
const crdPath =
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/logstashlinks.logstashlink.io'
const linksPath = `/apis/${apiVersion}/namespaces/default/${plural}`
const leasePath = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
/** All kinds in which the chart, the operator or Helm may leave something in its namespace or in the cluster. */
const kindsOfNamespace =
  'all,secrets,leases,roles,rolebindings,serviceaccounts,configmaps,poddisruptionbudgets,networkpolicies,certificates,issuers'
const kindsOfCluster =
  'clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings,customresourcedefinitions'

const webhook = {
  name: 'inject.logstashlink.io',
  clientConfig: { service: { name: `${release}-webhook`, namespace, path: '/inject' } },
  rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
  failurePolicy: 'Ignore',
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  // As the operator writes it, and as its policy demands.
  namespaceSelector: {
    matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['nowhere'] }],
  },
}

describe('the chart on a real API server', () => {
  let cluster: TestCluster
  /** A copy of the chart whose CRD has one printer column more: the next version. */
  let next: string

  before(async () => {
    cluster = await startTestCluster({ certManager: true })
    next = mkdtempSync(join(tmpdir(), 'lsl-chart-'))
    cpSync(chartFolder, next, { recursive: true })
    const crd = join(next, 'templates/crd.yaml')
    const column =
      '        - name: Added\n          type: string\n          jsonPath: .spec.rollout\n'
    const at = '      additionalPrinterColumns:\n'
    const text = readFileSync(crd, 'utf8')
    assert.ok(text.includes(at))
    writeFileSync(crd, text.replace(at, at + column))
  })
  after(async () => {
    rmSync(next, { recursive: true, force: true })
    await cluster.stop()
  })

  const columns = async () => {
    const { spec } = await cluster.api.object<{
      spec: { versions: { additionalPrinterColumns: { name: string }[] }[] }
    }>('GET', crdPath)
    return spec.versions[0]?.additionalPrinterColumns.map(({ name }) => name) ?? []
  }
  const webhooks = async () => {
    const { webhooks: entries = [] } = await cluster.api.object<{ webhooks?: { name: string }[] }>(
      'GET',
      webhookPath,
    )
    return entries.map(({ name }) => name)
  }
  /** What bears the name of the release, as kind/name. */
  const leftovers = async () => {
    const ofNamespace = ['get', kindsOfNamespace, ...inNamespace, '-o', 'name']
    const ofCluster = ['get', kindsOfCluster, '-o', 'name']
    const found = [
      ...(await cluster.kubectl(ofNamespace)).split('\n'),
      ...(await cluster.kubectl(ofCluster)).split('\n'),
    ]
    return found.filter((name) => /logstash-?link/.test(name)).toSorted()
  }

  it('is installed by helm, after which links are taken', async () => {
    const said = await cluster.helm([
      ...['install', release, chartFolder, '--create-namespace', ...inNamespace],
    ])
    assert.match(said, /kubectl get logstashlinks --all-namespaces/)
    assert.doesNotMatch(said, /nothing but RBAC/)
    await eventually('links are served', () =>
      cluster.api.object('POST', linksPath, {
        apiVersion,
        kind: 'LogstashLink',
        metadata: { name: 'kept' },
        spec: {
          receiver: { hosts: ['ds.example.com'] },
          sender: { selector: { matchLabels: { app: 'a' } }, collect: { http: { port: 9801 } } },
        },
      }),
    )
  })

  it("gets the webhook's certificate from cert-manager, with its own authority beside it", async () => {
    const path = `/api/v1/namespaces/${namespace}/secrets/${release}-webhook-tls`
    await eventually('the certificate is issued', async () => {
      const { data } = await cluster.api.object<{ data: Record<string, string> }>('GET', path)
      assert.deepEqual(Object.keys(data).toSorted(), ['ca.crt', 'tls.crt', 'tls.key'])
    })
  })

  it('has policies of which the API server takes every expression', async () => {
    await eventually('the expressions are checked', async () => {
      const { items } = await cluster.api.object<{
        items: (KubeObject & { status?: { typeChecking?: { expressionWarnings?: unknown[] } } })[]
      }>('GET', '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies')
      assert.ok(items.length >= 5)
      for (const { metadata, status } of items) {
        assert.ok(status?.typeChecking, metadata.name)
        assert.deepEqual(status.typeChecking.expressionWarnings ?? [], [], metadata.name)
      }
    })
  })

  it('has pods that restricted Pod Security takes', async () => {
    const level = 'pod-security.kubernetes.io/enforce=restricted'
    const said = await cluster.kubectl(['label', 'namespace', namespace, level])
    assert.doesNotMatch(said, /violate/)
    await eventually('two pods are there', async () => {
      const { items } = await cluster.api.object<{ items: unknown[] }>(
        'GET',
        `/api/v1/namespaces/${namespace}/pods`,
      )
      assert.equal(items.length, 2)
    })
  })

  it('is upgraded with its CRD, and leaves the webhook as the operator wrote it', async () => {
    const operator = await apiAs(cluster, { serviceAccount: release, namespace })
    const query = '?fieldManager=logstash-link&force=true'
    const body = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: release },
      webhooks: [webhook],
    }
    await operator.object('PATCH', webhookPath + query, body, apply)
    await operator.object('POST', leasePath, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: release },
    })
    operator.close()
    assert.ok(!(await columns()).includes('Added'))

    await cluster.helm(['upgrade', release, next, ...inNamespace, '--set', 'commonLabels.team=a'])
    assert.ok((await columns()).includes('Added'))
    assert.deepEqual(await webhooks(), [webhook.name])
    const { metadata } = await cluster.api.object('GET', webhookPath)
    assert.equal(metadata.labels?.['team'], 'a')
  })

  it('goes back to the version before, the webhook untouched', async () => {
    await cluster.helm(['rollback', release, '1', ...inNamespace])
    assert.ok(!(await columns()).includes('Added'))
    assert.deepEqual(await webhooks(), [webhook.name])
  })

  it('refuses an upgrade whose values contradict each other, and changes nothing', async () => {
    const { metadata } = await cluster.api.object('GET', webhookPath)
    await assert.rejects(
      cluster.helm([
        'upgrade',
        release,
        next,
        ...inNamespace,
        '--set',
        'serviceAccount.create=false',
      ]),
      /Expected serviceAccount.name/,
    )
    const { metadata: now } = await cluster.api.object('GET', webhookPath)
    assert.equal(now.resourceVersion, metadata.resourceVersion)
  })

  it('leaves on uninstall what docs/install.md says, and nothing else', async () => {
    await cluster.helm(['uninstall', release, ...inNamespace, '--wait'])
    await eventually('what was removed is gone', async () => {
      assert.deepEqual(await leftovers(), [
        'customresourcedefinition.apiextensions.k8s.io/logstashlinks.logstashlink.io',
        'lease.coordination.k8s.io/logstash-link',
        'secret/logstash-link-webhook-tls',
      ])
    })
    await cluster.api.object('GET', `${linksPath}/kept`)
  })

  it('is installed again over the links that were kept', async () => {
    await cluster.helm(['install', release, chartFolder, ...inNamespace])
    await cluster.api.object('GET', `${linksPath}/kept`)
    await cluster.helm(['uninstall', release, ...inNamespace])
  })

  it('is installed by kubectl from the plain manifests, twice', async () => {
    const file = new URL(`../../${plainManifestsFile}`, import.meta.url)
    const text = readFileSync(file, 'utf8')
    // The CRD was Helm's before.
    const args = ['apply', '--server-side', '--force-conflicts', '-f', '-']
    await cluster.kubectl(args, text)
    await cluster.kubectl(args, text)
    await cluster.kubectl(['delete', '--wait=false', '-f', '-'], text)
  })
})

/** The chart as the real Helm renders it; what a cluster makes of it is tried in test/cluster. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { findHelm } from '../../scripts/helm.ts'
import { plainManifests, plainManifestsFile } from '../../scripts/plain-manifests.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { operatorCommand } from '../../src/config/operator.ts'
import { helmLint, kindsOf, only, render, skip } from './rendering.ts'
import { combinations, refused } from './values.ts'

interface PodSpec {
  serviceAccountName: string
  securityContext: object
  containers: { image: string; args: string[]; resources: object; securityContext: object }[]
}

const operatorPod = (objects: readonly KubeObject[]) =>
  (only(objects, 'Deployment')['spec'] as { template: { spec: PodSpec } }).template.spec

const policyOf = (objects: KubeObject[]) =>
  only(objects, 'CustomResourceDefinition').metadata.annotations?.['helm.sh/resource-policy']

describe('the chart', { skip }, () => {
  it('passes helm lint', () => assert.match(helmLint(), /0 chart\(s\) failed/))

  for (const [title, { values, has = [], lacks = [] }] of Object.entries(combinations)) {
    describe(`with ${title}`, () => {
      const objects = skip === false ? render(values) : []

      it('holds what it should', () => {
        const kinds = kindsOf(objects)
        for (const each of has) assert.ok(kinds.includes(each), `${each} in ${kinds.join(', ')}`)
        for (const kind of lacks)
          assert.ok(!kinds.some((each) => each.startsWith(`${kind}/`)), kind)
        assert.equal(new Set(kinds).size, kinds.length, 'no object twice')
      })

      it('labels every object, and puts it into its namespace', () => {
        for (const { kind, metadata } of objects) {
          const { labels = {}, namespace } = metadata
          assert.equal(labels['app.kubernetes.io/instance'], 'rel', kind)
          // The operator takes what bears its own name there for its own.
          assert.equal(labels['app.kubernetes.io/managed-by'], 'Helm', kind)
          const isOfCluster = /^(Cluster|CustomR|Mutating|Validating)/.test(kind)
          assert.equal(namespace, isOfCluster ? undefined : 'ns', kind)
        }
      })

      it('keeps to restricted Pod Security', () => {
        const test = only(objects, 'Pod')['spec'] as PodSpec
        for (const pod of [operatorPod(objects), test]) {
          assert.partialDeepStrictEqual(pod.securityContext, {
            runAsNonRoot: true,
            seccompProfile: { type: 'RuntimeDefault' },
          })
          for (const container of pod.containers) {
            assert.deepEqual(container.securityContext, {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            })
            assert.ok(container.resources)
          }
        }
      })

      it('gives flags that the operator takes', () => {
        const { args } = operatorPod(objects).containers[0] ?? { args: [] }
        assert.equal(args[0], 'operator')
        const { problems } = operatorCommand(args.slice(1), { POD_NAME: 'a', POD_NAMESPACE: 'ns' })
        assert.deepEqual(problems, [])
      })
    })
  }

  for (const [title, { values, says }] of Object.entries(refused)) {
    it(`refuses ${title}`, () => assert.throws(() => render(values), says))
  }

  it('gives the sidecars the image of the operator unless told otherwise', () => {
    const digest = `sha256:${'a'.repeat(64)}`
    for (const [values, own, theirs] of [
      [{}, 'logstash-link:0.1.0', 'logstash-link:0.1.0'],
      [{ image: { repository: 'm/l', tag: '2' } }, 'm/l:2', 'm/l:2'],
      [{ image: { digest } }, `logstash-link@${digest}`, `logstash-link@${digest}`],
      [{ sidecar: { image: 'm/s:1' } }, 'logstash-link:0.1.0', 'm/s:1'],
    ] as const) {
      const [container] = operatorPod(render(values)).containers
      assert.equal(container?.image, own)
      assert.ok(container.args.includes(`--image=${theirs}`))
    }
  })

  it("says nothing about the webhooks, which are the operator's to write", () => {
    assert.ok(!('webhooks' in only(render(), 'MutatingWebhookConfiguration')))
  })

  it('keeps the CRD on uninstall, unless told otherwise', () => {
    assert.equal(policyOf(render()), 'keep')
    assert.equal(policyOf(render({ crds: { keep: false } })), undefined)
  })

  it('has the CRD of crds/', () => {
    const file = new URL('../../crds/logstashlinks.yaml', import.meta.url)
    const crd = parse(readFileSync(file, 'utf8')) as KubeObject
    assert.deepEqual(only(render(), 'CustomResourceDefinition')['spec'], crd['spec'])
  })

  it('leaves the policies out where the API has none', () => {
    const kinds = kindsOf(render({}, ['--kube-version', '1.29.0']))
    assert.ok(!kinds.some((kind) => kind.startsWith('ValidatingAdmissionPolicy')))
  })

  it('alerts on and draws metrics that exist', () => {
    const sources = ['docs/metrics.md', ...globSync('src/**/*.ts')].map((file) =>
      readFileSync(file, 'utf8'),
    )
    const known = new Set(sources.flatMap((text) => text.match(/\blogstash_link_\w+/g) ?? []))
    const text = JSON.stringify(
      render({ prometheusRule: { enabled: true }, dashboard: { enabled: true } }).filter(
        ({ kind }) => kind === 'PrometheusRule' || kind === 'ConfigMap',
      ),
    )
    const used = new Set(text.match(/\blogstash_link_\w+/g))
    assert.ok(used.size > 15)
    const unknown = [...used].filter((name) => !known.has(name.replace(/_bucket$/, '')))
    assert.deepEqual(unknown, [])
  })

  it('draws a dashboard that is JSON', () => {
    const { data } = only(render({ dashboard: { enabled: true } }), 'ConfigMap') as KubeObject & {
      data: Record<string, string>
    }
    const { panels } = JSON.parse(data['logstash-link.json'] ?? '') as { panels: object[] }
    assert.ok(panels.length > 10)
  })

  it(`${plainManifestsFile} is as the chart says (else: npm run generate)`, () => {
    const file = new URL(`../../${plainManifestsFile}`, import.meta.url)
    assert.equal(readFileSync(file, 'utf8'), plainManifests(findHelm() ?? 'helm'))
  })
})

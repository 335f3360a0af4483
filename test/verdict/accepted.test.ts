import assert from 'node:assert/strict'
import test from 'node:test'
import type { LogstashLink } from '../../src/api/link.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import type { Observed } from '../../src/api/observed.ts'
import { parseLink } from '../../src/api/validate.ts'
import { desiredObjects } from '../../src/desired/desired-objects.ts'
import { discoverHosts } from '../../src/discovery/discover-hosts.ts'
import { trustBundle } from '../../src/discovery/trust-bundle.ts'
import { plan } from '../../src/plan/plan.ts'
import { checkAccepted, mayApply } from '../../src/verdict/accepted.ts'
import { verdict } from '../../src/verdict/verdict.ts'
import { linkOf, observedOf, operatorOptions } from '../support/links.ts'
import { badSamples, goodSamples, type Sample } from '../support/samples.ts'

/** What a controller would see of a sample and of what is beside it in the namespace. */
function observe({ link: raw, others }: Sample): Observed {
  const { link, problems } = parseLink(raw)
  if (problems !== undefined) throw new Error(problems.map(({ message }) => message).join('\n'))
  const { auth, tls, receiver } = link.spec
  const secret = (name: string) => others.find((each) => named(each, 'Secret', name))
  const authSecret = auth === undefined ? undefined : secret(auth.secretRef.name)
  const ref = tls.trust?.secretRef
  const trustSecret = ref === undefined ? undefined : secret(ref.name)
  const content = ref === undefined ? undefined : dataOf(trustSecret)[ref.key]
  return observedOf(
    { ...link, metadata: { ...link.metadata, uid: 'uid-of-sample' } },
    {
      objects: others,
      named: {
        auth: { exists: authSecret !== undefined, keys: Object.keys(dataOf(authSecret)) },
        trust: {
          exists: trustSecret !== undefined,
          ...(content === undefined ? {} : { content: Buffer.from(content, 'base64').toString() }),
        },
      },
      serviceExists: others.some((each) => named(each, 'Service', receiver.serviceRef?.name ?? '')),
    },
  )
}

function named({ kind, metadata }: KubeObject, wantedKind: string, name: string): boolean {
  return kind === wantedKind && metadata.name === name
}

function dataOf(secret: KubeObject | undefined): Record<string, string> {
  return (secret?.['data'] as Record<string, string> | undefined) ?? {}
}

function reconcile(observed: Observed) {
  const { file: hosts } = discoverHosts(observed)
  const trust = trustBundle(observed)
  const desired = desiredObjects({
    observed,
    hosts,
    trustBundle: trust.pem,
    options: operatorOptions,
    newPassword: 'x',
  })
  const { conflicts } = plan({
    current: observed.objects,
    desired,
    owner: { uid: 'uid-of-sample' },
  })
  return { trust, conflicts }
}

for (const sample of badSamples('not-accepted')) {
  test(`the sample ${sample.name} is not accepted, and the message names the field`, () => {
    const observed = observe(sample)
    const { status, reason, message } = checkAccepted(observed, reconcile(observed))
    assert.equal(status, 'False')
    assert.equal(reason, sample.messages[0])
    for (const part of sample.messages.slice(1)) assert.ok(message.includes(part), message)
    assert.ok(message.includes(sample.field), `${message} names ${sample.field}`)
  })
}

test('there are samples that only the state of the cluster speaks against', () => {
  assert.ok(badSamples('not-accepted').length >= 6)
})

for (const sample of goodSamples()) {
  test(`the sample ${sample.name} gets all of its conditions whatever is missing around it`, () => {
    const observed = observe(sample)
    const { trust, conflicts } = reconcile(observed)
    const { status } = verdict({ observed, hosts: discoverHosts(observed), trust, conflicts })
    assert.equal(status.conditions?.length, 8)
    assert.deepEqual(
      status.conditions?.filter(({ message }) => /undefined|NaN|\[object/.test(message)),
      [],
    )
  })
}

test('a link that is older than a rule is not accepted, and nothing is rendered for it', () => {
  const link = linkOf()
  link.spec.receiver.port = 70_000
  const found = checkAccepted(observedOf(link))
  assert.equal(found.reason, 'Invalid')
  assert.match(found.message, /spec\.receiver\.port/)
  assert.equal(mayApply(found), false)
})

const applicable: [string, LogstashLink, boolean][] = [
  ['an accepted link', linkOf(), true],
  ['a suspended link', linkOf({ suspend: true }), true],
  ['a link whose Secret is missing', linkOf({ auth: { secretRef: { name: 'none' } } }), true],
]
for (const [title, link, expected] of applicable) {
  test(`objects of ${title} are ${expected ? '' : 'not '}written`, () => {
    assert.equal(mayApply(checkAccepted(observedOf(link))), expected)
  })
}

function refusedService(name: string, reason: 'Invalid' | 'Forbidden') {
  return { key: { apiVersion: 'v1', kind: 'Service', name }, reason, message: 'its words.' }
}

test('what the cluster refuses to write is told by object, and whether a right or another spec is missing', () => {
  const table = [
    [[refusedService('a', 'Forbidden'), refusedService('b', 'Forbidden')], 'Forbidden'],
    [[refusedService('a', 'Forbidden'), refusedService('b', 'Invalid')], 'Invalid'],
  ] as const
  for (const [refused, reason] of table) {
    const found = checkAccepted(observedOf(linkOf()), { refused })
    assert.equal(found.reason, reason)
    assert.equal(
      found.message,
      'The cluster refuses Service a: its words. The cluster refuses Service b: its words.',
    )
  }
})

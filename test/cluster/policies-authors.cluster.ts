/** What the author of a link must be allowed to do besides: nobody gets by a link what they may not do themselves. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { chartFolder } from '../../scripts/helm.ts'
import { apiVersion, plural } from '../../src/api/names.ts'
import { eventually } from '../support/eventually.ts'
import { apiAs } from './support/api-as.ts'
import type { Api } from './support/api-request.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'

const release = 'authors'
const merge = 'application/merge-patch+json'
const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces'
const sender = { selector: { matchLabels: { app: 'web' } }, collect: { http: { port: 9801 } } }
const ours = { selector: { matchLabels: { app: 'in' } }, deliver: { http: { port: 8080 } } }

const specs = {
  plain: { receiver: { hosts: ['ds.example.com'] }, sender },
  'with an issuer': { receiver: ours, sender, tls: { issuerRef: { name: 'ca' } } },
  'with a password of mine': {
    receiver: { hosts: ['ds.example.com'] },
    sender,
    auth: { secretRef: { name: 'mine' } },
  },
  "with another's password": {
    receiver: { hosts: ['ds.example.com'] },
    sender,
    auth: { secretRef: { name: 'theirs' } },
  },
  "with another's trust": {
    receiver: { hosts: ['ds.example.com'] },
    sender,
    tls: { trust: { secretRef: { name: 'theirs' } } },
  },
} as const
type Spec = keyof typeof specs

const linkOf = (spec: Spec, name: string) => ({
  apiVersion,
  kind: 'LogstashLink',
  metadata: { name },
  spec: specs[spec],
})

const rule = (apiGroups: string[], resources: string[], verbs: string[], names?: string[]) => ({
  apiGroups,
  resources,
  verbs,
  ...(names === undefined ? {} : { resourceNames: names }),
})
const links = rule(['logstashlink.io'], [plural], ['*'])
const pods = rule([''], ['pods'], ['create'])
const certificates = rule(['cert-manager.io'], ['certificates'], ['create'])
const mine = rule([''], ['secrets'], ['get'], ['mine'])

/** User → own rules, beside the cluster's role `edit` where `edits`. */
const users = {
  // By the aggregated role alone: whoever edits a namespace reads its Secrets, and may do so with its links.
  editor: { edits: true, rules: [certificates] },
  'editor-without-cert-manager': { edits: true, rules: [] },
  'without-pods': { edits: false, rules: [links, certificates, mine] },
  'without-certificates': { edits: false, rules: [links, pods, mine] },
  'with-one-secret': { edits: false, rules: [links, pods, certificates, mine] },
}
type User = keyof typeof users

/*                                 may write a link …
 *  user                          plain  issuer  own password  another's password  another's trust */
const table: Record<User, readonly boolean[]> = {
  editor: [true, true, true, true, true],
  'editor-without-cert-manager': [true, false, true, true, true],
  'without-pods': [false, false, false, false, false],
  'without-certificates': [true, false, true, false, false],
  'with-one-secret': [true, true, true, false, false],
}

describe('the author of a link on a real API server', () => {
  let cluster: TestCluster
  let namespace: string
  let own: string
  const callers = new Map<User, Api>()

  before(async () => {
    cluster = await sharedTestCluster()
    namespace = await cluster.namespace()
    own = await cluster.namespace()
    await cluster.helm([
      ...['install', release, chartFolder, '--namespace', own],
      ...['--set', 'crds.install=false'],
    ])
    for (const user of Object.keys(users) as User[]) {
      await grant(user)
      callers.set(user, await apiAs(cluster, { user }))
    }
    // The controller that aggregates roles, and the policies, take a moment.
    await eventually('the roles and the policies are in force', async () => {
      assert.equal((await write('editor', 'plain')).status, 201)
      assert.equal((await write('without-pods', 'plain')).status, 403)
    })
  })
  after(async () => {
    for (const caller of callers.values()) caller.close()
    await cluster.helm(['uninstall', release, '--namespace', own])
    await cluster.stop()
  })

  const grant = async (user: User) => {
    const { edits, rules } = users[user]
    const group = 'rbac.authorization.k8s.io'
    const version = { apiVersion: `${group}/v1` }
    const subjects = [{ kind: 'User', apiGroup: group, name: user }]
    const bind = (name: string, kind: string, role: string) =>
      cluster.api.object('POST', `${rbac}/${namespace}/rolebindings`, {
        ...{ ...version, kind: 'RoleBinding', metadata: { name } },
        ...{ roleRef: { apiGroup: group, kind, name: role }, subjects },
      })
    const role = { ...version, kind: 'Role', metadata: { name: user }, rules }
    await cluster.api.object('POST', `${rbac}/${namespace}/roles`, role)
    await bind(user, 'Role', user)
    if (edits) await bind(`${user}-edits`, 'ClusterRole', 'edit')
  }

  const path = (name = '') => `/apis/${apiVersion}/namespaces/${namespace}/${plural}${name}`
  const as = (user: User): Api => {
    const caller = callers.get(user)
    assert.ok(caller)
    return caller
  }
  const write = (user: User, spec: Spec) =>
    as(user).ask('POST', `${path()}?dryRun=All`, linkOf(spec, 'tried'))

  for (const [user, answers] of Object.entries(table) as [User, readonly boolean[]][]) {
    for (const [index, spec] of (Object.keys(specs) as Spec[]).entries()) {
      const may = answers[index] === true
      it(`${user} ${may ? 'may' : 'may not'} write a link ${spec}`, async () => {
        const { status, body } = await write(user, spec)
        assert.equal(status, may ? 201 : 403, body)
        if (!may) assert.match(body, /Expected the author .* to be allowed to .* is not/)
      })
    }
  }

  it('the refusal names the right, the Secret, the namespace and who asked', async () => {
    const { body } = await write('with-one-secret', "with another's password")
    const { message } = JSON.parse(body) as { message: string }
    const expected = `Expected the author to be allowed to get the Secret theirs of spec.auth.secretRef in namespace ${namespace}, with-one-secret is not`
    assert.ok(message.includes(expected), message)
  })

  describe("a link that names a Secret of somebody else's", () => {
    const name = '/standing'
    before(() => cluster.api.object('POST', path(), linkOf("with another's password", 'standing')))

    it('may be labelled and deleted by whoever may not read the Secret', async () => {
      const one = as('with-one-secret')
      const labels = { metadata: { labels: { team: 'a' } } }
      assert.equal((await one.ask('PATCH', path(name), labels, merge)).status, 200)
      assert.equal((await one.ask('DELETE', `${path(name)}?dryRun=All`)).status, 200)
    })

    it('may not have its spec changed by them, not in a field of no harm either', async () => {
      const patch = { spec: { suspend: true } }
      const { status } = await as('with-one-secret').ask('PATCH', path(name), patch, merge)
      assert.equal(status, 403)
    })

    it('may be pointed at a Secret that they may read', async () => {
      const patch = { spec: { auth: { secretRef: { name: 'mine' } } } }
      const { status, body } = await as('with-one-secret').ask('PATCH', path(name), patch, merge)
      assert.equal(status, 200, body)
    })

    it('has a status that no editor may write', async () => {
      const { status } = await as('editor').ask('PATCH', path(`${name}/status`), {}, merge)
      assert.equal(status, 403)
    })
  })
})

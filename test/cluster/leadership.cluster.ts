/** Two operators with one Lease on a real API server: at most one leads, and one leads again soon. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { eventually } from '../support/eventually.ts'
import {
  installConfiguration,
  installServingSecret,
  lastWords,
  type OperatorProgram,
  startOperator,
} from './support/operator-program.ts'
import { startTestCluster, type TestCluster } from './support/test-cluster.ts'

/** When a process led: from its own word to the moment in which it surely did no more, ms since 1970. */
interface Reign {
  of: string
  from: number
  to: number
}

describe('leadership on a real API server', () => {
  const name = 'logstash-link'
  let cluster: TestCluster
  let namespace: string
  let running: OperatorProgram[] = []
  let started = 0
  let reigns: Reign[] = []

  before(async () => {
    cluster = await startTestCluster({ crd: true })
    namespace = await cluster.namespace()
    await installConfiguration(cluster, { namespace, name })
    await installServingSecret(cluster, { namespace, name })
  })
  after(() => cluster.stop())
  afterEach(async () => {
    for (const program of running) {
      program.child.kill('SIGKILL')
      await program.ended
    }
    running = []
    reigns = []
    await cluster.api.ask('DELETE', lease())
  })

  const lease = () => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`
  const holder = async () =>
    (await cluster.api.object<{ spec: { holderIdentity: string } }>('GET', lease())).spec
      .holderIdentity

  const start = async (): Promise<OperatorProgram> => {
    started += 1
    const program = await startOperator(cluster, { namespace, name }, `replica-${started}`)
    running.push(program)
    void program.ended.then(() => {
      const at = Date.now()
      running = running.filter((each) => each !== program)
      const elected = program.log().find(({ msg }) => msg === 'This process leads')
      const ended = program
        .log()
        .find(({ msg }) => msg === 'Leadership is lost' || msg === 'The Lease is given back')
      if (elected === undefined) return
      const to = ended === undefined ? at : Date.parse(ended.time)
      reigns.push({ of: program.name, from: Date.parse(elected.time), to })
    })
    return program
  }

  const pair = async () => {
    const first = await start()
    await leads(first, 30_000)
    const second = await start()
    await Promise.all([ready(first), ready(second)])
    assert.equal(await second.metric('logstash_link_kube_lease_leader'), 0)
    assert.match(await holder(), new RegExp(`^${first.name}_`))
    return { first, second }
  }

  const noTwoAtOnce = () => {
    const still = running.flatMap((program): Reign[] => {
      const elected = program.log().find(({ msg }) => msg === 'This process leads')
      if (elected === undefined) return []
      return [{ of: program.name, from: Date.parse(elected.time), to: Number.POSITIVE_INFINITY }]
    })
    const all = [...reigns, ...still].toSorted((a, b) => a.from - b.from)
    assert.ok(all.length > 1, JSON.stringify(all))
    for (const [index, next] of all.entries()) {
      const previous = all[index - 1]
      if (previous === undefined) continue
      assert.ok(next.from >= previous.to, `${JSON.stringify(previous)} and ${JSON.stringify(next)}`)
    }
  }

  it('a leader that is killed is followed within 20 s, and never do two lead', async () => {
    const { first, second } = await pair()
    const at = Date.now()
    first.child.kill('SIGKILL')
    await first.ended
    await leads(second, 20_000)
    console.log(`takeover after kill -9: ${((Date.now() - at) / 1000).toFixed(1)} s`)
    assert.match(await holder(), new RegExp(`^${second.name}_`))
    noTwoAtOnce()
  })

  it('a leader that is asked to end gives the Lease back, and is followed within 3 s', async () => {
    const { first, second } = await pair()
    const at = Date.now()
    first.child.kill('SIGTERM')
    await leads(second, 3000)
    console.log(`takeover after SIGTERM: ${((Date.now() - at) / 1000).toFixed(1)} s`)
    assert.equal(await first.ended, 0, lastWords(first))
    noTwoAtOnce()
  })

  it('a leader that was frozen is followed, and ends itself when it wakes', async () => {
    const { first, second } = await pair()
    first.child.kill('SIGSTOP')
    const frozen = Date.now()
    await leads(second, 20_000)
    first.child.kill('SIGCONT')
    assert.equal(await first.ended, 1, lastWords(first))
    assert.ok(first.log().some(({ level, msg }) => level === 'error' && /lost/.test(msg)))
    // Between falling asleep and its own word it did nothing, so that is when it ceased to lead.
    const own = reigns.find(({ of }) => of === first.name)
    assert.ok(own)
    own.to = frozen
    noTwoAtOnce()
    assert.match(await holder(), new RegExp(`^${second.name}_`))
  })

  it('a leader without API server ends itself, and one leads again when the server is back', async () => {
    const { first, second } = await pair()
    const at = Date.now()
    await cluster.kill('kube-apiserver')
    assert.equal(await first.ended, 1)
    const alone = Date.now() - at
    console.log(`the leader ended after ${(alone / 1000).toFixed(1)} s without API server`)
    assert.ok(alone < 15_000, 'before others could take the Lease')
    assert.ok(first.log().some(({ level, msg }) => level === 'error' && /lost/.test(msg)))
    // As its kubelet would; the other one stands by all the time.
    const third = await start()
    assert.equal(second.child.exitCode, null)
    await cluster.start('kube-apiserver')
    const back = Date.now()
    await eventually('one of them leads', async () => {
      const led = await Promise.all(
        [second, third].map((each) => each.metric('logstash_link_kube_lease_leader')),
      )
      assert.equal(led[0] === 1, led[1] === 0)
      assert.ok(led.includes(1))
    })
    console.log(`one leads ${((Date.now() - back) / 1000).toFixed(1)} s after the server is back`)
    await Promise.all([ready(second), ready(third)])
    noTwoAtOnce()
  })
})

const ready = (program: OperatorProgram): Promise<void> =>
  eventually(`${program.name} is ready`, async () => {
    const { status, checks } = await program.checks('/readyz')
    assert.equal(status, 200, `${JSON.stringify(checks)} ${lastWords(program)}`)
  })

const leads = (program: OperatorProgram, limitMs: number): Promise<void> =>
  eventually(
    `${program.name} leads`,
    async () => assert.equal(await program.metric('logstash_link_kube_lease_leader'), 1),
    { limitMs },
  )

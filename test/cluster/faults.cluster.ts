/**
 * What goes wrong around the operator, while endpoints, pods and links change all the time: the end state is right each
 * time, at most one replica leads, and no process ends by a defect. The chart as it is installed, with two replicas.
 * Needs the network of in-pod-network.sh.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { assertEndState, type EndState } from './support/end-state.ts'
import {
  kwokPod,
  makeDeployment,
  makeLoadNamespace,
  makeOwnLink,
  makeServiceLink,
  startLoad,
  type FaultLoad,
  type LoadedLink,
} from './support/fault-load.ts'
import { assertRunning, conditionIs, restartsOf } from './support/fault-questions.ts'
import { openFaultWorld, type FaultWorld } from './support/fault-world.ts'
import { operatorNamespace, release } from './support/installed-chart.ts'
import { skipOutsidePodNetwork as skip } from './support/pod-network.ts'

const namespaces = ['faults-a', 'faults-b']
const own = namespaces.flatMap((namespace) =>
  Array.from({ length: 6 }, (_, index): LoadedLink => ({ namespace, name: `own-${index}` })),
)
const services = namespaces.flatMap((namespace) =>
  Array.from({ length: 4 }, (_, index): LoadedLink => ({ namespace, name: `service-${index}` })),
)
const secondsOf = (ms: number) => `${(ms / 1000).toFixed(1)} s`
const since = (at: number) => secondsOf(Date.now() - at)

describe('faults under load', { skip }, () => {
  let world: FaultWorld
  before(async () => {
    world = await openFaultWorld()
    const { cluster } = world
    await Promise.all(namespaces.map((each) => makeLoadNamespace(cluster, each)))
    await Promise.all([
      ...own.map((link) => makeOwnLink(cluster, link)),
      ...services.map((link) => makeServiceLink(cluster, link)),
    ])
    await eventually('the webhook serves all links', async () => {
      for (const link of [...own, ...services])
        await conditionIs(world.cluster, link, 'Accepted', 'True')
    })
    await Promise.all([
      ...own.map(({ namespace, name }) => deploy(namespace, `${name}-receiver`, 2)),
      ...[...own, ...services].map(({ namespace, name }) => deploy(namespace, `${name}-sender`, 1)),
    ])
    const { links, pods, lacking } = await settled('the beginning')
    assert.deepEqual({ links, pods, lacking }, { links: 20, pods: 44, lacking: [] })
  })
  after(() => world.close())

  const deploy = (namespace: string, name: string, replicas: number) =>
    makeDeployment(world.cluster, { namespace, name }, replicas)

  const settled = async (what: string): Promise<EndState> => {
    const at = Date.now()
    const state = await eventually(
      `the end state is right after ${what}`,
      () => assertEndState(world.cluster, namespaces),
      { limitMs: 90_000, everyMs: 250 },
    )
    world.leaders.assertOneAtATime()
    world.leaders.assertKnownEnds()
    console.log(`${what}: right ${since(at)} after the load ended: ${JSON.stringify(state)}`)
    return state
  }

  const lossesOf = () => world.leaders.replicas().flatMap(({ losses }) => losses)

  /** What it answers with fails if a leader lost its Lease since. */
  const noLossSinceNow = () => {
    const before = lossesOf().length
    return () => assert.equal(lossesOf().length, before, 'a leader lost its Lease')
  }

  const loaded = async (work: (load: FaultLoad) => Promise<void>) => {
    const load = startLoad(world.cluster, { own, services })
    try {
      await load.flowing()
      await work(load)
      await load.flowing()
    } finally {
      await load.stop()
    }
    return load
  }

  it('the API server is killed and comes back at once, three times', async () => {
    const outages: number[] = []
    const load = await loaded(async (running) => {
      for (let round = 0; round < 3; round += 1) {
        const at = Date.now()
        await world.cluster.kill('kube-apiserver')
        await world.cluster.start('kube-apiserver')
        outages.push(Date.now() - at)
        await running.flowing()
      }
    })
    assert.ok(load.counts().refused > 0, 'no write met an API server that was away')
    console.log(`API server away for ${outages.map(secondsOf).join(', ')}`)
    await settled('three restarts of the API server')
    // A leader rides out what is clearly shorter than its Lease.
    if (Math.max(...outages) < 6000) assert.deepEqual(lossesOf(), [])
    await load.clear()
  })

  it('the API server is away for longer than the Lease: the leader ends itself with code 1, as designed', async () => {
    const before = lossesOf().length
    const pod = world.leaders.leader()
    const load = await loaded(async () => {
      const at = Date.now()
      await world.cluster.kill('kube-apiserver')
      await eventually('the leader gives up', () => assert.equal(lossesOf().length, before + 1))
      console.log(`the leader ended itself after ${since(at)} without API server`)
      assert.ok(Date.now() - at < 15_000, 'before another could have the Lease')
      await world.cluster.start('kube-apiserver')
      const back = Date.now()
      await eventually('one leads', () =>
        assert.ok(world.leaders.reigns().some(({ from, to }) => from > at && to > Date.now())),
      )
      console.log(`one leads ${since(back)} after the API server is back`)
    })
    await settled('a long absence of the API server')
    const told = (await restartsOf(world.cluster, operatorNamespace)).get(pod)
    assert.deepEqual(
      { code: told?.code, isCounted: (told?.count ?? 0) > 0 },
      { code: 1, isCounted: true },
    )
    await load.clear()
  })

  it('the leader is killed: another leads within 20 s, and never do two', async () => {
    const assertNoLoss = noLossSinceNow()
    const load = await loaded(async () => {
      const at = world.leaders.kill(world.leaders.leader())
      const next = await eventually('another leads', () => {
        const found = world.leaders.reigns().find(({ from }) => from > at)
        assert.ok(found)
        return found
      })
      console.log(`takeover ${secondsOf(next.from - at)} after kill -9`)
      assert.ok(next.from - at < 20_000)
    })
    await settled('the death of the leader')
    assertNoLoss()
    await load.clear()
  })

  it('all connections to the API server are cut every second for a minute', async () => {
    const before = world.leaders.replicas()
    const load = await loaded(async () => {
      const until = Date.now() + 60_000
      let cuts = 0
      await new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          world.proxy.cut()
          world.proxy.mend()
          cuts += 1
          if (Date.now() < until) return
          clearInterval(timer)
          resolve()
        }, 1000)
      })
      console.log(`${cuts} cuts`)
      assert.ok(cuts > 50)
    })
    await settled('a minute of cuts')
    assert.deepEqual(world.leaders.replicas(), before)
    await load.clear()
  })

  it('cert-manager is absent while links are made: they wait, say so, and become Ready', async () => {
    const assertNoLoss = noLossSinceNow()
    const late = namespaces.map((namespace): LoadedLink => ({ namespace, name: 'late' }))
    const load = await loaded(async () => {
      await world.cluster.kill('cert-manager')
      for (const link of late) {
        await makeOwnLink(world.cluster, link)
        await deploy(link.namespace, `${link.name}-receiver`, 1)
        await deploy(link.namespace, `${link.name}-sender`, 1)
      }
      for (const link of late) {
        await eventually('the link says that it has no certificate', async () => {
          await conditionIs(world.cluster, link, 'IdentityReady', 'False')
          await conditionIs(world.cluster, link, 'Ready', 'False')
        })
      }
      await world.cluster.start('cert-manager')
      const back = Date.now()
      for (const link of late) {
        await eventually(
          'the link has its certificate',
          () => conditionIs(world.cluster, link, 'IdentityReady', 'True'),
          { limitMs: 90_000 },
        )
      }
      console.log(`certificates are there ${since(back)} after cert-manager is back`)
    })
    await settled('an absence of cert-manager')
    assertNoLoss()
    await load.clear()
  })

  it('no webhook answers while pods are made: they are named within 30 s of its return, and healed', async () => {
    const assertNoLoss = noLossSinceNow()
    const [namespace = ''] = namespaces
    const healed = { namespace, name: 'healed' }
    const told = { namespace, name: 'told' }
    for (const link of [healed, told]) {
      const rollout = link === healed ? 'Automatic' : 'OnRestart'
      await makeOwnLink(world.cluster, link, { rollout })
      await eventually('the link is accepted', () =>
        conditionIs(world.cluster, link, 'Accepted', 'True'),
      )
      await deploy(namespace, `${link.name}-receiver`, 1)
    }
    const scale = async (replicas: number) => {
      const path = `/apis/apps/v1/namespaces/${operatorNamespace}/deployments/${release}/scale`
      const body = { spec: { replicas } }
      await world.cluster.api.object('PATCH', path, body, 'application/merge-patch+json')
    }
    const load = await loaded(async () => {
      await scale(0)
      await eventually('no operator is left', async () =>
        assert.equal((await restartsOf(world.cluster, operatorNamespace)).size, 0),
      )
      const labels = { app: 'told-sender' }
      const pod = { metadata: { name: 'told-bare', namespace, labels }, spec: kwokPod }
      await world.cluster.api.object('POST', `/api/v1/namespaces/${namespace}/pods`, pod)
      const containers = [{ name: 'app', image: 'app', command: ['sleep', '600'] }]
      // A process: kwok finishes pods of Jobs at once.
      const spec = { containers, restartPolicy: 'Never', terminationGracePeriodSeconds: 1 }
      await world.cluster.api.object('POST', `/apis/batch/v1/namespaces/${namespace}/jobs`, {
        metadata: { name: 'told-job', namespace },
        spec: { template: { metadata: { labels }, spec } },
      })
      await deploy(namespace, 'healed-sender', 2)
      await deploy(namespace, 'told-sender', 2)
      await eventually('all pods run', () =>
        assertRunning(world.cluster, namespace, /^(healed|told).*(sender|bare|job)/, 6),
      )
      await scale(2)
      const began = Date.now()
      await eventually('a webhook is back', async () => {
        const path = `/api/v1/namespaces/${operatorNamespace}/endpoints/${release}-webhook`
        const { subsets = [] } = await world.cluster.api.object<{
          subsets?: { addresses?: object[] }[]
        }>('GET', path)
        assert.ok(subsets.some(({ addresses = [] }) => addresses.length > 0))
      })
      const back = Date.now()
      const message = await eventually('the pods are named with what mends them', async () => {
        const text = await conditionIs(world.cluster, told, 'SendersInjected', 'False')
        // The load deletes pods too, and those that come after the webhook's return have their sidecar.
        assert.match(text, /[34] pods \(Deployment\/told-sender, Job\/told-job, Pod\/told-bare\)/)
        assert.match(
          text,
          new RegExp(`kubectl rollout restart deployment/told-sender -n ${namespace}`),
        )
        assert.match(text, /make pod told-bare anew/)
        assert.match(text, new RegExp(`kubectl delete pod told-job-\\w+ -n ${namespace}`))
        return text
      })
      console.log(
        `named ${since(back)} after the webhook is back, ${since(began)} after its start: ${message}`,
      )
      assert.ok(Date.now() - back < 30_000)
      await eventually(
        'the Deployment is healed by itself',
        () => conditionIs(world.cluster, healed, 'SendersInjected', 'True'),
        { limitMs: 60_000 },
      )
      console.log(`healed ${since(back)} after the webhook is back`)
    })
    const { lacking } = await settled('an absence of the webhook')
    assertNoLoss()
    assert.ok(lacking.includes(`${namespace}/told-bare`), lacking.join())
    await world.cluster.api.object('DELETE', `/api/v1/namespaces/${namespace}/pods/told-bare`)
    await world.cluster.kubectl(['delete', 'job/told-job', '-n', namespace])
    await Promise.all(
      namespaces.map((each) =>
        world.cluster.kubectl(['rollout', 'restart', 'deployment', '-n', each]),
      ),
    )
    await load.clear()
    await eventually(
      'no pod lacks a sidecar',
      async () => {
        assert.deepEqual((await assertEndState(world.cluster, namespaces)).lacking, [])
      },
      { limitMs: 60_000, everyMs: 250 },
    )
  })
})

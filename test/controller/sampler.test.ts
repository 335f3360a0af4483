import assert from 'node:assert/strict'
import test from 'node:test'
import { injectedAnnotation } from '../../src/api/names.ts'
import type { ObservedPod } from '../../src/api/observed.ts'
import type { SidecarStatus } from '../../src/api/sidecar-status.ts'
import { createSampler } from '../../src/controller/sampler.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { linkOf, observedOf, observedPod } from '../support/links.ts'
import { silentLog } from '../support/log.ts'

function injected(name: string, ip: string, more: Partial<ObservedPod> = {}): ObservedPod {
  const note = JSON.stringify({ hash: 'h', healthPort: 9601 })
  const annotations = { [injectedAnnotation('orders', 'sender')]: note }
  const sidecars = { sender: { ready: true } }
  return observedPod(name, { annotations, ips: [ip], sidecars, ...more })
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function setUp(answers: Map<string, SidecarStatus | Error>) {
  const clock = fakeClock()
  const asked: string[] = []
  const changed: string[] = []
  const sampler = createSampler({
    clock,
    log: silentLog(),
    random: () => 0.5,
    changed: (link) => changed.push(link),
    ask: async (ip, port) => {
      asked.push(`${ip}:${port}`)
      const answer = answers.get(ip) ?? {}
      if (answer instanceof Error) throw answer
      return answer
    },
  })
  return {
    asked,
    changed,
    sampler,
    pass: async (ms: number) => {
      clock.advance(ms)
      await settle()
    },
  }
}

test('running sidecars are asked at the port that the injector noted, others are not', async () => {
  const { asked, sampler } = setUp(new Map())
  const pods = [
    injected('a', '10.0.0.1'),
    injected('b', '10.0.0.2', { finished: true }),
    injected('c', '10.0.0.3', { ips: [] }),
    observedPod('d', { ips: ['10.0.0.4'] }),
  ]
  sampler.track('shop/orders', observedOf(linkOf(), { pods }))
  await settle()
  assert.deepEqual(asked, ['10.0.0.1:9601'])
  assert.deepEqual(
    sampler.samples('shop/orders').map(({ pod, role, reachable }) => ({ pod, role, reachable })),
    [{ pod: 'a', role: 'sender', reachable: true }],
  )
  await sampler.stop()
})

test('a link is looked at again when an answer says something else, not each time', async () => {
  const answers = new Map<string, SidecarStatus | Error>([['10.0.0.1', { oldestEventAge: 100 }]])
  const { changed, sampler, pass } = setUp(answers)
  sampler.track('shop/orders', observedOf(linkOf(), { pods: [injected('a', '10.0.0.1')] }))
  await settle()
  assert.equal(changed.length, 1)
  answers.set('10.0.0.1', { oldestEventAge: 300 })
  await pass(10_000)
  assert.equal(changed.length, 1)
  answers.set('10.0.0.1', { problem: '401' })
  await pass(10_000)
  assert.equal(changed.length, 2)
  answers.set('10.0.0.1', new Error('connection refused'))
  await pass(10_000)
  assert.equal(changed.length, 3)
  assert.equal(sampler.samples('shop/orders')[0]?.reachable, false)
  await sampler.stop()
})

test('a sidecar that is still starting is not called unreachable, and is asked as soon as it is ready', async () => {
  const answers = new Map<string, SidecarStatus | Error>([['10.0.0.1', new Error('refused')]])
  const { asked, changed, sampler } = setUp(answers)
  const starting = injected('a', '10.0.0.1', { sidecars: { sender: { ready: false } } })
  sampler.track('shop/orders', observedOf(linkOf(), { pods: [starting] }))
  await settle()
  assert.deepEqual(sampler.samples('shop/orders'), [])
  assert.deepEqual([asked.length, changed.length], [1, 0])
  answers.set('10.0.0.1', {})
  sampler.track('shop/orders', observedOf(linkOf(), { pods: [injected('a', '10.0.0.1')] }))
  await settle()
  assert.equal(sampler.samples('shop/orders')[0]?.reachable, true)
  assert.deepEqual([asked.length, changed.length], [2, 1])
  await sampler.stop()
})

test('a sidecar in trouble is asked again sooner', async () => {
  const answers = new Map<string, SidecarStatus | Error>([['10.0.0.1', new Error('refused')]])
  const { asked, sampler, pass } = setUp(answers)
  sampler.track('shop/orders', observedOf(linkOf(), { pods: [injected('a', '10.0.0.1')] }))
  await settle()
  assert.equal(sampler.samples('shop/orders')[0]?.reachable, false)
  for (const answer of [{ problem: '401' }, {}, {}]) {
    answers.set('10.0.0.1', answer)
    await pass(2000)
  }
  assert.equal(asked.length, 3)
  await sampler.stop()
})

test('pods that are gone and links that are gone are asked no more', async () => {
  const { asked, sampler, pass } = setUp(new Map())
  const link = linkOf()
  const pods = [injected('a', '10.0.0.1'), injected('b', '10.0.0.2')]
  sampler.track('shop/orders', observedOf(link, { pods }))
  await settle()
  sampler.track('shop/orders', observedOf(link, { pods: pods.slice(0, 1) }))
  await pass(10_000)
  assert.deepEqual(asked, ['10.0.0.1:9601', '10.0.0.2:9601', '10.0.0.1:9601'])
  sampler.forget('shop/orders')
  await pass(60_000)
  assert.equal(asked.length, 3)
  assert.deepEqual(sampler.samples('shop/orders'), [])
  await sampler.stop()
})

test('many sidecars are asked no faster than the rate', async () => {
  const { asked, sampler, pass } = setUp(new Map())
  const pods = Array.from({ length: 100 }, (_, index) => injected(`p${index}`, `10.0.1.${index}`))
  sampler.track('shop/orders', observedOf(linkOf(), { pods }))
  for (let turn = 0; turn < 20; turn++) await settle()
  assert.equal(asked.length, 20)
  for (let step = 0; step < 10; step++) await pass(100)
  for (let turn = 0; turn < 20; turn++) await settle()
  assert.equal(asked.length, 40)
  await sampler.stop()
})

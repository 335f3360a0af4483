import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import test from 'node:test'
import { createDescriptors } from '../../../src/dataplane/sender/collect/files/descriptors.ts'
import type { Findings } from '../../../src/dataplane/sender/collect/files/find.ts'
import { tailLimits } from '../../../src/dataplane/sender/collect/files/limits.ts'
import { createTailMetrics } from '../../../src/dataplane/sender/collect/files/metrics.ts'
import { createReport } from '../../../src/dataplane/sender/collect/files/report.ts'
import { createRoster } from '../../../src/dataplane/sender/collect/files/roster.ts'
import { systemTime } from '../../../src/dataplane/time.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { testFolder } from '../../support/certificates.ts'
import { capturedLog } from '../../support/log.ts'

const numbers = () => ({ files: 0, open: 0, lag: 0, oldest: 0 })

test('files over the limit wait until others are gone: counted each time, said once', async () => {
  const registry = createMetrics({ program: 'sender' })
  const { log, lines } = capturedLog()
  const metrics = createTailMetrics(registry, numbers)
  const report = createReport({ metrics, log, numbers, problem: () => undefined })
  const roster = createRoster({
    time: systemTime,
    limits: { ...tailLimits, files: 2 },
    report,
    absent: new Map(),
    options: () => ({ maxLine: 100, date: systemTime.date }),
  })
  roster.apply(found('a', 'b'))
  assert.equal(lines.length, 0)
  roster.apply(found('a', 'b', 'c'))
  roster.apply(found('a', 'b', 'c', 'd'))
  assert.deepEqual([...roster.files.keys()], ['a', 'b'])
  assert.equal(lines.length, 1)
  const hits = await registry.getSingleMetricAsString('logstash_link_sender_file_limit_hits_total')
  assert.match(hits, / 3$/m)
  const [file] = roster.files.values()
  assert.ok(file)
  roster.retire(file)
  roster.apply(found('b', 'c'))
  assert.deepEqual([...roster.files.keys()], ['b', 'c'])
})

test('what could not be looked at is not gone, what is nowhere else is', () => {
  const { log } = capturedLog()
  const metrics = createTailMetrics(createMetrics({ program: 'sender' }), numbers)
  const roster = createRoster({
    time: systemTime,
    limits: tailLimits,
    report: createReport({ metrics, log, numbers, problem: () => undefined }),
    absent: new Map(),
    options: () => ({ maxLine: 100, date: systemTime.date }),
  })
  roster.apply(found('a'))
  roster.apply({ ...found(), problems: new Map([['/logs', 'EIO']]) })
  assert.equal(roster.files.get('a')?.goneAt, undefined)
  roster.apply(found())
  assert.notEqual(roster.files.get('a')?.goneAt, undefined)
  roster.apply(found('a'))
  assert.equal(roster.files.get('a')?.goneAt, undefined)
})

test('at the limit of open files the one that rests longest is closed, and none that is still needed', async (t) => {
  const folder = testFolder(t)
  for (const name of ['a', 'b', 'c']) writeFileSync(folder.path(name), name)
  const needed = new Set<string>()
  const closed: string[] = []
  const descriptors = createDescriptors({
    limit: 2,
    mayClose: (key) => !needed.has(key),
    onClose: (key) => closed.push(key),
  })
  await descriptors.open('a', folder.path('a'))
  await descriptors.open('b', folder.path('b'))
  descriptors.get('a')
  await descriptors.open('c', folder.path('c'))
  assert.deepEqual([closed, descriptors.count()], [['b'], 2])
  needed.add('a').add('c')
  assert.equal(await descriptors.open('b', folder.path('b')), 'full')
  assert.deepEqual([closed, descriptors.count()], [['b'], 2])
  await descriptors.closeAll()
  assert.equal(descriptors.count(), 0)
})

function found(...names: string[]): Findings {
  const files = names.map(
    (key) => [key, { key, path: `/logs/${key}`, size: 1, modified: 1n }] as const,
  )
  return { files: new Map(files), folders: new Map(), problems: new Map() }
}

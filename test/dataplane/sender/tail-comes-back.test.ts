import assert from 'node:assert/strict'
import test from 'node:test'
import { tailLimits } from '../../../src/dataplane/sender/collect/files/limits.ts'
import type { Report } from '../../../src/dataplane/sender/collect/files/report.ts'
import { createRoster } from '../../../src/dataplane/sender/collect/files/roster.ts'
import { manualTime } from '../../support/manual-time.ts'

test('a file that was gone and comes back is held against what was read of it: its inode may be another’s', () => {
  const report = new Proxy({} as Report, { get: () => () => undefined })
  const roster = createRoster({
    ...{ time: manualTime(), limits: tailLimits, report, absent: new Map() },
    options: () => ({ maxLine: 100, date: () => new Date() }),
  })
  const found = { key: 'a', path: '/logs/a.log', size: 1, modified: 1n }
  const findings = { files: new Map([['a', found]]), folders: new Map(), problems: new Map() }
  roster.apply(findings)
  const file = roster.byPath(found.path)
  assert.ok(file)
  Object.assign(file, { isVerified: true, phase: 'followed' })
  roster.apply({ ...findings, files: new Map() })
  roster.retire(file)
  roster.apply(findings)
  assert.equal(roster.byPath(found.path), file)
  assert.equal(file.isVerified, false)
})

import assert from 'node:assert/strict'
import test from 'node:test'
import { fingerprintOf } from '../../../src/dataplane/sender/collect/files/fingerprint.ts'
import { isHidden, type Findings } from '../../../src/dataplane/sender/collect/files/find.ts'
import { createFormers } from '../../../src/dataplane/sender/collect/files/formers.ts'
import { tailLimits } from '../../../src/dataplane/sender/collect/files/limits.ts'
import type { Report } from '../../../src/dataplane/sender/collect/files/report.ts'
import { createRoster } from '../../../src/dataplane/sender/collect/files/roster.ts'
import { newFile } from '../../../src/dataplane/sender/collect/files/tailed-file.ts'
import { manualTime } from '../../support/manual-time.ts'

const folders = [
  { what: 'its own folder', problem: '/logs/web', hides: true },
  { what: 'a folder above it', problem: '/', hides: true },
  { what: 'the file itself', problem: '/logs/web/a.log', hides: true },
  { what: 'another folder', problem: '/logs/lost+found', hides: false },
  { what: 'a folder whose name begins alike', problem: '/logs/we', hides: false },
]

const options = { maxLine: 100, date: () => new Date() }

for (const { what, problem, hides } of folders) {
  const problems = new Map([[problem, 'EACCES']])

  test(`${what} cannot be looked at: a file not found there is ${hides ? 'kept' : 'gone'}`, () => {
    const report = new Proxy({} as Report, { get: () => () => undefined })
    const roster = createRoster({
      ...{ time: manualTime(), limits: tailLimits, report, absent: new Map() },
      options: () => options,
    })
    const found = { key: 'a', path: '/logs/web/a.log', size: 1, modified: 1n }
    const findings: Findings = { files: new Map([['a', found]]), folders: new Map(), problems }
    roster.apply(findings)
    assert.equal(roster.files.get('a')?.goneAt, undefined)
    roster.apply({ ...findings, files: new Map() })
    assert.equal(roster.files.get('a')?.goneAt !== undefined, !hides)
  })

  test(`${what} cannot be looked at: a truncated file's copy is ${hides ? '' : 'not '}waited for`, () => {
    const formers = createFormers(new Map())
    formers.add({
      ...newFile({ key: 'a', path: '/logs/web/a.log' }, options),
      fingerprint: fingerprintOf(Buffer.from('x')),
    })
    formers.beginScan()
    const expired = formers.endScan(({ path }) => isHidden(path, { problems }))
    assert.equal(expired.length, hides ? 0 : 1)
    assert.equal(formers.all().length, hides ? 1 : 0)
  })
}

/** docs/security.md tells the rights that the chart grants: no more, no fewer. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { rights } from '../../src/cli/check/rights.ts'
import { only, render, skip } from './rendering.ts'

interface Rule {
  apiGroups: string[]
  resources: string[]
  verbs: string[]
}

const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8')

describe('docs/security.md', { skip }, () => {
  it('has a row for each right of the ClusterRole', () => {
    const { rules } = only(render(), 'ClusterRole', 'rel-logstash-link') as unknown as {
      rules: Rule[]
    }
    const granted = rules.flatMap(({ resources, verbs }) =>
      resources.map((resource) => `${resource}: ${verbs.join(' ')}`),
    )
    const section = page.slice(
      page.indexOf('| rights in all'),
      page.indexOf('In its own namespace'),
    )
    const told = section.split('\n').flatMap((row) => {
      const [, rights = ''] = row.split('|')
      const verbs = rights.replaceAll(/`[^`]*`,?/g, '').trim()
      return [...rights.matchAll(/`([^`]+)`/g)].map(([, resource]) => `${resource}: ${verbs}`)
    })
    assert.deepEqual(told.toSorted(), granted.toSorted())
  })

  it('tells of rights among which is each that `logstash-link check` asks for', () => {
    const roles = render().filter(
      ({ kind, metadata }) =>
        ['Role', 'ClusterRole'].includes(kind) && metadata.name === 'rel-logstash-link',
    ) as unknown as { rules: Rule[] }[]
    const granted = new Set(
      roles.flatMap(({ rules }) =>
        rules.flatMap(({ apiGroups: [group], resources, verbs }) =>
          resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
        ),
      ),
    )
    const asked = rights.flatMap(({ group, resource, verbs }) =>
      verbs.map((verb) => `${verb} ${group}/${resource}`),
    )
    assert.deepEqual(
      asked.filter((right) => !granted.has(right)),
      [],
    )
  })

  it('names each policy', () => {
    const names = render()
      .filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')
      .map(({ metadata }) => metadata.name.replace('rel-logstash-link', '…'))
    assert.ok(names.length >= 5)
    for (const name of names) assert.ok(page.includes(`\`${name}\``), name)
  })
})

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { TerminalError } from '../../src/errors.ts'
import { readManifests } from '../../src/local/manifests.ts'

const configMap = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n'

/** Each line ten times the one before it. */
const aliasBomb = Array.from({ length: 9 }, (_, level) => {
  const item = level === 0 ? 'x' : `*a${level - 1}`
  return `a${level}: &a${level} [${Array.from({ length: 10 }, () => item).join(', ')}]\n`
}).join('')

async function problemsOf(text: string): Promise<string> {
  const error = await readManifests(['-'], async () => text).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof TerminalError, `expected a refusal of ${text}`)
  assert.equal(error.code, 'LSL_MANIFEST_INVALID')
  return error.message
}

test('files, folders, Lists and standard input give one list in the order of applying', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'manifests-'))
  t.after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'more'))
  writeFileSync(
    join(folder, 'more', 'a.yaml'),
    `apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, command: [sleep, "1"]}]}\n---\n${configMap}`,
  )
  writeFileSync(
    join(folder, 'list.json'),
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }],
    }),
  )
  writeFileSync(join(folder, 'more', 'README.md'), 'not a manifest')
  const objects = await readManifests(
    [join(folder, 'more'), join(folder, 'list.json'), '-'],
    async () =>
      '---\n# nothing\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: x}\n',
  )
  assert.deepEqual(
    objects.map(({ kind, metadata }) => [kind, metadata.namespace, metadata.name]),
    [
      ['Namespace', undefined, 'shop'],
      ['ConfigMap', 'default', 'one'],
      ['Secret', 'x', 's'],
      ['Pod', 'default', 'p'],
    ],
  )
})

test('a refusal names file, document and line, and what was expected', async () => {
  const cases: [string, RegExp][] = [
    [
      `${configMap}---\n\nkind: Secret\n`,
      /standard input, document 2, line 6: Expected `apiVersion`/,
    ],
    [
      'a: 1\nb:\n  - c\n d: 2\n',
      /standard input, document 1, line 4: All mapping items must start at the same column$/m,
    ],
    [aliasBomb, /standard input, document 1, line 1: Excessive alias count/],
    ['a: &a\n  b: *a\n', /standard input, document 1, line 1: Converting circular structure/],
    [
      'apiVersion: logstashlink.io/v1\nkind: LogstashLink\nmetadata: {name: x}\n',
      /LogstashLink x: Expected `apiVersion` to be logstashlink\.io\/v1alpha1, got logstashlink\.io\/v1$/m,
    ],
    ['- 1\n', /Expected a Kubernetes object, got \[1\]/],
    [
      `${configMap}---\n${configMap}`,
      /ConfigMap default\/one stands already in standard input, document 1/,
    ],
    [
      'apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: x}\n',
      /DaemonSet \(apps\/v1\) is not run by local, which knows .*Deployment/,
    ],
    [
      'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: c, image: nginx}]}\n',
      /Pod x: Expected `spec.containers\[0\].command` to name a program of this machine, got none/,
    ],
    [
      'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: c, command: [a]}], volumes: [{name: v, hostPath: {path: /}}]}\n',
      /`spec.volumes\[0\].hostPath`: local has configMap, secret/,
    ],
    [
      'apiVersion: logstashlink.io/v1alpha1\nkind: LogstashLink\nmetadata: {name: x}\nspec: {receiver: {port: 70000}}\n',
      /LogstashLink x: .*spec\.receiver\.port.*70000/,
    ],
    [
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {selector: {matchLabels: {app: a}}, template: {spec: {containers: [{name: c, command: [a]}]}}}\n',
      /Expected `spec.template.metadata.labels` to have what the selector wants, app: a, got null/,
    ],
    [
      'apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: x}\nspec: {secretName: s, duration: 3 days, issuerRef: {name: i}}\n',
      /Expected `spec.duration` to be a duration such as 2160h, got "3 days"/,
    ],
  ]
  for (const [text, expected] of cases) assert.match(await problemsOf(text), expected)
})

const misshapen: [string, RegExp][] = [
  ['{containers: [null]}', /Expected `spec\.containers\[0\]` to be an object, got null/],
  ['{containers: c}', /Expected `spec\.containers` to be a list of at least one container/],
  ['[]', /Expected `spec\.containers` to be a list of at least one container/],
  ['null', /Expected `spec\.containers` to be a list of at least one container/],
  ['{containers: [{name: c}], initContainers: x}', /`spec\.initContainers` to be a list, got "x"/],
  [
    '{containers: [{name: c, env: [1]}]}',
    /`spec\.containers\[0\]\.env\[0\]` to be an object, got 1/,
  ],
  ['{containers: [{name: c}], volumes: [[]]}', /`spec\.volumes\[0\]` to be an object, got \[\]/],
  [
    '{containers: [{name: c}], volumes: [{name: v, projected: {sources: [null]}}]}',
    /`spec\.volumes\[0\]\.projected\.sources\[0\]` to be an object, got null/,
  ],
]
for (const [spec, expected] of misshapen) {
  test(`a pod whose spec is ${spec} is refused by a sentence`, async () => {
    const pod = `apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: ${spec}\n`
    assert.match(await problemsOf(pod), expected)
  })
}

test('an empty list of a pod may be written as nothing', async () => {
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  volumes:\n  containers: [{name: c, command: [a], args: }]\n'
  assert.equal((await readManifests(['-'], async () => pod)).length, 1)
})

test('a file of a folder that cannot be resolved hides no problem of the others', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'manifests-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'bomb.yaml'), aliasBomb)
  writeFileSync(join(folder, 'other.yaml'), 'kind: Secret\n')
  await assert.rejects(
    readManifests([folder], async () => ''),
    ({ message }: Error) => {
      assert.match(message, /bomb\.yaml, document 1, line 1: Excessive alias count/)
      assert.match(message, /other\.yaml, document 1, line 1: Expected `apiVersion`/)
      return true
    },
  )
})

test('manifests without an object are refused as nothing to run', async () => {
  const list = 'apiVersion: v1\nkind: List\nitems:'
  for (const text of ['', '# nothing\n---\n', `${list} []\n`, `${list}\n`]) {
    assert.equal(await problemsOf(text), 'Nothing to run: no object in standard input')
  }
})

test('a file that is not there is named with its flag', async () => {
  await assert.rejects(
    readManifests(['/no/such/file.yaml'], async () => ''),
    {
      code: 'LSL_FILE_UNREADABLE',
    },
  )
})

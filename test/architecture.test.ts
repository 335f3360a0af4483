import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import test from 'node:test'

// Who may import whom. A room is the longest prefix here that a file's path begins with; what is not listed is forbidden.
const rooms: Record<string, readonly string[]> = {
  'src/errors.ts': [],
  'src/node-http.ts': [],
  'src/api': ['src/errors.ts'],
  'src/desired': ['src/api', 'src/errors.ts'],
  'src/plan': ['src/api', 'src/errors.ts'],
  'src/verdict': ['src/api', 'src/errors.ts'],
  'src/discovery': ['src/api', 'src/errors.ts'],
  // A sidecar in a pod is one of the rendered things: the injector places what src/desired renders.
  'src/injector': ['src/api', 'src/errors.ts', 'src/desired'],
  'src/dataplane/wire': ['src/errors.ts'],
  'src/dataplane/balancer': ['src/errors.ts'],
  // The disk queue works on ports: of a disk, and of time.
  'src/dataplane/queue': [
    'src/errors.ts',
    'src/dataplane/wire',
    'src/dataplane/disk/disk.ts',
    'src/dataplane/time.ts',
  ],
  'src/dataplane': [
    'src/dataplane',
    'src/api',
    'src/errors.ts',
    'src/telemetry',
    'src/node-http.ts',
  ],
  'src/telemetry': ['src/api', 'src/errors.ts', 'src/node-http.ts'],
  'src/config': ['src/api', 'src/errors.ts'],
  'src/kube': ['src/api', 'src/errors.ts', 'src/telemetry'],
  // Which workload is to be made anew next, and whether the last one is through.
  'src/rollout': ['src/api', 'src/errors.ts'],
  'src/controller': [
    'src/api',
    'src/errors.ts',
    'src/desired',
    'src/plan',
    'src/verdict',
    'src/discovery',
    'src/injector',
    'src/rollout',
    'src/kube',
    'src/telemetry',
    'src/node-http.ts',
  ],
  'src/webhook': ['src/api', 'src/errors.ts', 'src/injector', 'src/kube', 'src/telemetry'],
  'src/local': [
    'src/api',
    'src/errors.ts',
    'src/controller',
    'src/injector',
    'src/kube',
    'src/telemetry',
    'src/node-http.ts',
  ],
  'src/cli': ['src'],
}

/** What the data plane may see of src/api: the sidecar's files and their vocabulary, nothing of the control plane. */
const apiOfDataplane = [
  'sidecar-config',
  'sidecar-schema',
  'schema',
  'names',
  'hosts',
  'quantity',
  'duration',
]

/** Rooms that take data and return data: no clock, randomness, files, network, processes or logs in them. */
const pure = [
  'src/api',
  'src/desired',
  'src/plan',
  'src/verdict',
  'src/discovery',
  'src/injector',
  'src/rollout',
  'src/dataplane/wire',
  'src/dataplane/balancer',
  'src/dataplane/queue',
]
const pureModules = new Set([
  'node:util',
  'node:crypto',
  'node:buffer',
  'node:zlib',
  'node:stream',
  'node:path/posix',
])
const impure =
  /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bperformance\.now\(|\bsetTimeout\(|\bsetInterval\(|\bprocess\.|\brandom(Bytes|UUID|Int)\(/

interface Import {
  from: string
  specifier: string
  names: string
  typeOnly: boolean
}

const files = globSync('src/**/*.ts').toSorted()
const imports = files.flatMap((from): Import[] => {
  const text = readFileSync(from, 'utf8')
  const statics = [
    ...text.matchAll(/^import\s+(type\s+)?(?:([^'"`;=]*?)\s+from\s+)?'([^']+)'/gm),
    ...text.matchAll(/^export\s+(type\s+)?(\*[^'"`;=]*?|\{[^'"`;=]*?\})\s+from\s+'([^']+)'/gm),
  ]
  const dynamics = [...text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)]
  return [
    ...statics.map((match) => ({
      from,
      specifier: match[3] ?? '',
      names: match[2] ?? '',
      typeOnly: match[1] !== undefined,
    })),
    ...dynamics.map((match) => ({ from, specifier: match[1] ?? '', names: '', typeOnly: false })),
  ]
})

test('the guard reads the sources: it finds files and imports of every kind', () => {
  assert.ok(files.length > 20, `expected more than 20 source files, found ${files.length}`)
  assert.ok(imports.some((each) => each.specifier.startsWith('node:')))
  assert.ok(imports.some((each) => each.specifier.startsWith('.')))
  assert.ok(imports.some((each) => each.typeOnly))
})

test('every source file stands in a room', () => {
  assert.deepEqual(
    files.filter((file) => roomOf(file) === undefined),
    [],
  )
})

test('rooms import only the rooms that the table allows', () => {
  const violations = imports
    .filter((each) => each.specifier.startsWith('.'))
    .filter((each) => !mayImport(each))
    .map((each) => `${each.from} imports ${targetOf(each)}`)
  assert.deepEqual(violations, [])
})

test('node:http is imported for its types alone, as src/node-http.ts says why', () => {
  const wrong = imports.filter((each) => each.specifier === 'node:http' && !each.typeOnly)
  assert.deepEqual(
    wrong.map(({ from }) => from),
    [],
  )
})

test('local imports name the file with its .ts ending', () => {
  const wrong = imports.filter(
    (each) => each.specifier.startsWith('.') && !each.specifier.endsWith('.ts'),
  )
  assert.deepEqual(
    wrong.map((each) => `${each.from}: ${each.specifier}`),
    [],
  )
})

test('the data plane sees of the API only the sidecar files', () => {
  const wrong = imports.filter(
    (each) =>
      each.from.startsWith('src/dataplane/') &&
      targetOf(each).startsWith('src/api/') &&
      !apiOfDataplane.includes(targetOf(each).slice('src/api/'.length, -'.ts'.length)),
  )
  assert.deepEqual(
    wrong.map((each) => `${each.from} imports ${targetOf(each)}`),
    [],
  )
})

test('only src/kube imports the Kubernetes client as a value', () => {
  const wrong = imports.filter(
    (each) =>
      each.specifier.startsWith('@kubernetes/') &&
      !each.typeOnly &&
      !each.from.startsWith('src/kube/'),
  )
  assert.deepEqual(
    wrong.map((each) => each.from),
    [],
  )
})

test('pure rooms have no clock, randomness, files, network or logs', () => {
  const modules = imports.filter(
    (each) =>
      isPure(each.from) && !each.specifier.startsWith('.') && !each.typeOnly && !isAllowed(each),
  )
  const calls = files
    .filter(isPure)
    .filter((file) => impure.test(withoutComments(readFileSync(file, 'utf8'))))
  assert.deepEqual(
    [...modules.map((each) => `${each.from} imports ${each.specifier}`), ...calls],
    [],
  )
})

function isPure(file: string): boolean {
  return pure.some((room) => file.startsWith(`${room}/`))
}

function isAllowed({ specifier, names }: Import): boolean {
  if (specifier === 'node:net') return /^\{\s*(isIP|isIPv4|isIPv6|,|\s)+\}$/.test(names)
  return pureModules.has(specifier)
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

function roomOf(file: string): string | undefined {
  return Object.keys(rooms)
    .filter((room) => file === room || file.startsWith(`${room}/`))
    .toSorted((a, b) => b.length - a.length)[0]
}

function targetOf({ from, specifier }: Import): string {
  return relative('.', join(dirname(from), specifier))
}

function mayImport(each: Import): boolean {
  const own = roomOf(each.from)
  const target = targetOf(each)
  if (own === undefined || !target.startsWith('src/')) return false
  const allowed = [own, ...(rooms[own] ?? [])]
  return allowed.some((room) => target === room || target.startsWith(`${room}/`))
}

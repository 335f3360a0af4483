/** What can be told of the image without building it; test/image/build.sh builds it. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8')
const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n')

/** Instructions, with continued lines joined and comments left out. */
const instructions = dockerfile
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => {
    const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? []
    return { name, rest: rest.trim() }
  })

const of = (name: string): string[] =>
  instructions.filter((each) => each.name === name).map(({ rest }) => rest)

/** What a COPY takes out of the checkout. */
const sources = of('COPY')
  .filter((rest) => !rest.startsWith('--from='))
  .flatMap((rest) => rest.split(/\s+/).slice(0, -1))

test('every file that is copied into the build exists and is let in by .dockerignore', () => {
  assert.ok(sources.length > 5)
  for (const source of sources) {
    assert.ok(existsSync(join(root, source)), source)
    assert.ok(
      ignored.some((line) => line === `!${source}`),
      `${source} is kept out by .dockerignore`,
    )
  }
})

test('.dockerignore lets in nothing but what is copied, so no secret and no test gets into the build', () => {
  const letIn = ignored.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
  assert.equal(
    ignored.find((line) => line !== '' && !line.startsWith('#')),
    '*',
  )
  assert.deepEqual(letIn.toSorted(), sources.toSorted())
  const files = letIn.flatMap((path) =>
    statSync(join(root, path)).isDirectory() ? globSync(`${path}/**/*`, { cwd: root }) : [path],
  )
  assert.ok(files.length > 50)
  assert.deepEqual(
    files.filter((file) => /\.test\.|\.cluster\.|(^|\/)test\/|\.env$|\.pem$|\.key$/.test(file)),
    [],
  )
})

test('the program is process 1: it is started by Node itself, without shell or npm, so SIGTERM reaches it', () => {
  const [entrypoint] = of('ENTRYPOINT')
  const command: unknown = JSON.parse(entrypoint ?? '')
  assert.deepEqual(command, ['/usr/local/bin/node', '/app/bin/logstash-link.js'])
  assert.ok(existsSync(join(root, 'bin/logstash-link.js')))
  assert.deepEqual(of('CMD'), [])
})

test('the user is numeric and not root, as runAsNonRoot needs it', () => {
  assert.deepEqual(of('USER'), ['65532:65532'])
  const injected = readFileSync(join(root, 'src/desired/sidecar-container.ts'), 'utf8')
  assert.match(injected, /defaultUser = 65_532/)
})

test('what the image leaves out of node_modules is imported by no source as a value', () => {
  const left =
    of('RUN')
      .join(' ')
      .match(/node_modules\/@?[a-z-]+(?=\s)/g)
      ?.map((path) => path.slice('node_modules/'.length))
      .filter((name) => name !== '' && !name.startsWith('.')) ?? []
  assert.ok(left.includes('@kubernetes'), String(left))
  for (const file of globSync('src/**/*.ts', { cwd: root })) {
    const text = readFileSync(join(root, file), 'utf8')
    const values = [
      ...text.matchAll(/^(?:import|export)\s+(?!type\b)[^'"]*?from\s+'([^'.][^']*)'/gm),
      ...text.matchAll(/\bimport\('([^'.][^']*)'\)/g),
    ]
    for (const [, name = ''] of values) {
      // The one file of it that stays.
      if (name === '@kubernetes/client-node/dist/exec_auth.js') continue
      assert.ok(!left.some((each) => name.startsWith(each)), `${file} imports ${name}`)
    }
  }
})

test('dependencies are those of the lock file, and no script of theirs runs', () => {
  const installs = of('RUN').flatMap((run) => run.match(/npm \w+[^&]*/g) ?? [])
  assert.ok(installs.length >= 2)
  for (const install of installs) assert.match(install, /^npm ci --ignore-scripts/)
})

test('labels say what it is, where it comes from and under which licence', () => {
  const labels = of('LABEL').join(' ')
  for (const name of ['title', 'description', 'licenses', 'version', 'revision', 'created']) {
    assert.match(labels, new RegExp(`org\\.opencontainers\\.image\\.${name}=`))
  }
})

// The repository's commands: each is a list of steps, a step is a program of node_modules/.bin (or node) and arguments.
// What the user adds after `--` goes to the last step.
const build = ['node', 'scripts/build.mjs']
// Three files at once whatever the machine: much of their time is waiting for processes and sockets, and Node's default on
// two cores is one file at a time (166 s against 64 s).
const tests = [
  'node',
  '--test',
  '--test-concurrency=3',
  '--test-timeout=120000',
  'test/**/*.test.ts',
]

export const commands = {
  demo: [build, ['node', 'bin/logstash-link.js', 'demo']],
  test: [
    ['biome', 'format', '.'],
    ['oxlint', '--type-aware', '--deny-warnings'],
    ['tsc', '--noEmit'],
    ['knip'],
    build,
    tests,
  ],
  'test:only': [['node', '--test', '--test-timeout=120000']],
  format: [['biome', 'format', '--write', '.']],
  build: [build],
  generate: [['node', 'scripts/generate.ts']],
  bench: [build, ['node', 'bench/run.ts']],
  'test:faults': [build, ['node', 'test/end-to-end/run-faults.ts']],
}

import { readdirSync } from 'node:fs'

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
  'bench:balancer': [['node', 'bench/balancer/run.ts']],
  'bench:back-pressure': [build, ['node', 'bench/back-pressure/run.ts']],
  'bench:queue': [['node', 'bench/queue/run.ts']],
  'bench:duplicates': [build, ['node', 'bench/duplicates/run.ts']],
  'bench:scale': [build, ['node', 'bench/scale/run.ts']],
  cluster: [['node', 'test/cluster/leave-running.ts']],
  'test:cluster': [build, ['node', 'test/cluster/run.ts']],
  faults: [build, ['node', 'test/faults/run.ts']],
  simulate: [['node', 'test/simulation/run.ts']],
  'test:faults': [build, ['node', 'test/end-to-end/run-faults.ts']],
}

/** What is said after a command that went well. */
export const notes = {
  test: () => {
    const suites = readdirSync(new URL('../test/cluster', import.meta.url))
      .filter((file) => file.endsWith('.cluster.ts'))
      .map((file) => file.replace('.cluster.ts', ''))
    return `test: left out, as they need a real API server: ${suites.join(', ')} (npm run test:cluster)`
  },
}

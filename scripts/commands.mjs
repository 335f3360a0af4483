// The repository's commands: each is a list of steps, a step is a program of node_modules/.bin (or node) and arguments.
// What the user adds after `--` goes to the last step.
const build = ['node', 'scripts/build.mjs']
const tests = ['node', '--test', '--test-timeout=120000', 'test/**/*.test.ts']

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

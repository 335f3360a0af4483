// The repository's commands: each is a list of steps, a step is a program of node_modules/.bin (or node) and arguments.
// What the user adds after `--` goes to the last step.
const tests = ['node', '--test', '--test-timeout=120000', 'test/**/*.test.ts']

export const commands = {
  demo: [['node', 'bin/logstash-link.js', 'demo']],
  test: [
    ['biome', 'format', '.'],
    ['oxlint', '--type-aware', '--deny-warnings'],
    ['tsc', '--noEmit'],
    ['knip'],
    tests,
  ],
  'test:only': [['node', '--test', '--test-timeout=120000']],
  format: [['biome', 'format', '--write', '.']],
  build: [['tsc', '--project', 'tsconfig.build.json']],
  generate: [['node', 'scripts/generate.ts']],
  bench: [['node', 'bench/run.ts']],
  faults: [['node', 'test/faults/run.ts']],
}

/** `logstash-link local`: manifests run on this machine until Ctrl-C. */
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { parseDuration } from '../api/duration.ts'
import { parseFlags, type FlagTable } from '../config/flags.ts'
import { realClock } from '../controller/clock.ts'
import { createLocal } from '../local/local.ts'
import { readManifests } from '../local/manifests.ts'
import { startControlPlaneHealth } from '../telemetry/control-plane-health.ts'
import { createLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import type { Io } from './io.ts'
import { tellChanges } from './local-screen.ts'
import { endingSignals } from './ending-signals.ts'
import { answerUsage } from './usage.ts'

const localFlags = {
  file: {
    value: 'FILE',
    help: 'manifests: a file, a folder, or - for standard input; also -f',
    repeat: true,
  },
  for: { value: 'DURATION', help: 'end after this time, such as 30s; default: at Ctrl-C' },
  logs: { help: 'show what containers print' },
  'keep-files': { help: 'leave the folder with volumes and logs behind' },
  'shared-address': {
    help: 'all pods at 127.0.0.1, each with ports of its own, as where no other address exists',
  },
  'health-port': {
    value: 'PORT',
    help: 'health endpoints of the control plane; default: a free port',
  },
  'log-level': { value: 'LEVEL', help: 'Debug, Info, Warn or Error; default Warn' },
  help: { help: 'show this' },
} as const satisfies FlagTable

const levels = ['Debug', 'Info', 'Warn', 'Error'] as const

/** Exit code 0 after an orderly end; what is refused is thrown. */
export async function runLocal(args: string[], io: Io): Promise<number> {
  const given = withFiles(args)
  const flags = parseFlags(given, localFlags)
  const problems = [...flags.problems]
  const level = levels.find((each) => each === (flags.get('log-level') ?? 'Warn'))
  if (level === undefined) {
    problems.push(
      `Expected \`--log-level\` to be one of ${levels.join(', ')}, got ${flags.get('log-level')}`,
    )
  }
  const healthPort = Number(flags.get('health-port') ?? 0)
  if (!Number.isInteger(healthPort) || healthPort < 0 || healthPort > 65_535) {
    problems.push(
      `Expected \`--health-port\` to be an integer from 0 to 65535, got ${flags.get('health-port')}`,
    )
  }
  if (flags.all('file').length === 0) problems.push('Expected `--file` to name manifests, got none')
  const answered = answerUsage('local', given, localFlags, problems, io)
  if (answered !== undefined) return answered
  const duration = flags.get('for')
  const limit = duration === undefined ? undefined : parseDuration(duration, '--for')

  const tell = (line: string): void => void io.stdout.write(`${line}\n`)
  const manifests = await readManifests(flags.all('file'), () => text(io.stdin))
  const log = createLog({ program: 'local', level: level ?? 'Warn' })
  const registry = createMetrics({ program: 'local' })
  const signals = endingSignals()
  const local = await createLocal({
    manifests,
    log,
    registry,
    keepFiles: flags.has('keep-files'),
    ...(flags.has('shared-address') && { sharedAddress: true }),
    ...(flags.has('logs') && { screen: tell }),
  })
  signals.onSecond(() => local.kill())
  const told = tellChanges({ cluster: local.cluster, clock: realClock, tell })
  const health = await startControlPlaneHealth({
    host: '127.0.0.1',
    port: healthPort,
    checks: local.checks,
    registry,
    log,
  })
  tell(`control plane  http://127.0.0.1:${health.port}/readyz and /metrics`)
  tell(`files          ${local.folder}, what containers print in its folder logs`)
  tell('Ctrl-C ends everything that was started')
  try {
    await Promise.race([signals.first, ...(limit === undefined ? [] : [delay(limit)])])
    told.stop()
    tell('ending all pods, senders first')
    return 0
  } finally {
    await local.stop()
    told.stop()
    await health.close()
    signals.forget()
  }
}

/** `-f a.yaml b.yaml` as `--file=a.yaml --file=b.yaml`. */
function withFiles(args: readonly string[]): string[] {
  let inFiles = false
  return args.flatMap((arg) => {
    if (arg === '-f' || arg === '--file') {
      inFiles = true
      return []
    }
    if (arg.startsWith('-') && arg !== '-') inFiles = false
    return inFiles ? [`--file=${arg}`] : [arg]
  })
}

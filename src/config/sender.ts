/** Settings of `logstash-link sender`: flags alone, or a sidecar's file with flags that say where its pod's events come in. */
import { join, resolve } from 'node:path'
import { parseHost } from '../api/hosts.ts'
import { environment } from '../api/names.ts'
import type { HostEntry, SenderFile, SenderSettings } from '../api/sidecar-config.ts'
import { defaults } from '../api/sidecar-config.ts'
import { messageOf } from '../errors.ts'
import { type Command, refuseBesideConfig } from './command.ts'
import { deadLetterFlags, deadLetterFrom } from './dead-letter.ts'
import { type Flags, parseFlags } from './flags.ts'
import { graceFlags, graceFrom } from './grace.ts'
import { type Environment, placementFrom, portsDiffer } from './placement.ts'
import {
  checkEnvironment,
  credentialFlags,
  credentialsFrom,
  identityFlags,
  identityFrom,
  refuseBesideNoTls,
  trustFlags,
  trustFrom,
} from './tls-flags.ts'
import {
  choiceFlag,
  durationFlag,
  integerFlag,
  logLevelFlag,
  portFlag,
  sizeFlag,
} from './values.ts'

export const senderFlags = {
  hosts: { value: 'LIST', help: 'receivers, host or host:port, separated by commas (port 9800)' },
  'no-tls': { help: 'plain HTTP' },
  ...trustFlags,
  verification: {
    value: 'MODE',
    help: "full, or none: any receiver's certificate is taken (full)",
  },
  'server-name': { value: 'NAME', help: 'name to verify in place of each host' },
  ...identityFlags,
  ...credentialFlags,
  http: { value: 'PORT', help: 'take events by HTTP POST on 127.0.0.1' },
  tcp: { value: 'PORT', help: 'take lines by TCP on 127.0.0.1' },
  file: { value: 'GLOB', help: 'take the lines of these files, as they grow', repeat: true },
  'batch-events': { value: 'COUNT', help: 'most events in a batch (1000)' },
  'batch-bytes': { value: 'SIZE', help: 'most bytes in a batch (1Mi)' },
  'max-wait': { value: 'TIME', help: 'longest wait for a batch to fill under load (50ms)' },
  'queue-size': {
    value: 'SIZE',
    help: 'most bytes of events held (64Mi in memory, 256Mi on disk)',
  },
  'queue-dir': {
    value: 'DIR',
    help: 'keep events, and how far files were read, in this folder; without it, in memory',
  },
  'cool-off': { value: 'TIME', help: 'how long an error of a host counts against it (60s)' },
  'max-line': { value: 'SIZE', help: 'largest event (16Mi)' },
  ...deadLetterFlags,
  host: { value: 'ADDRESS', help: 'address of the health port (0.0.0.0)' },
  'health-port': { value: 'PORT', help: '/healthz, /readyz, /metrics, /status (9602)' },
  ...graceFlags,
  'log-level': { value: 'LEVEL', help: 'debug, info, warn or error (info)' },
  config: { value: 'FILE', help: "a sidecar's settings file, in place of the other flags" },
} as const

/** Flags that say where a sidecar listens and which files it reads: they go with --config, everything else contradicts it. */
const beside = ['config', 'host', 'http', 'tcp', 'file', 'health-port', 'grace'] as const

type SenderFlags = Flags<typeof senderFlags>

/** `pid` names the folder of dead letters, so that two senders of one user do not share one. */
export function senderCommand(
  args: readonly string[],
  env: Environment,
  pid: number,
): Command<SenderFile, SenderSettings> {
  const flags = parseFlags(args, senderFlags)
  const { problems } = flags
  const placement = {
    ...placementFrom(flags, env, defaults.senderHealthPort, problems),
    collect: collectFrom(flags, problems),
    ...podFrom(env),
  }
  const grace = graceFrom(flags, problems)
  const healthPortGiven = flags.has('health-port')
  const path = flags.get('config')
  if (path !== undefined) {
    refuseBesideConfig(flags, senderFlags, beside, problems)
    const complete = (file: SenderFile): SenderSettings => ({
      ...file,
      ...placement,
      collect: { ...placement.collect, stdin: false },
    })
    return { source: { from: 'file', path, complete }, placement, healthPortGiven, grace, problems }
  }
  const settings = { ...fileFromFlags(flags, `sender-${pid}`, env, problems), ...placement }
  return { source: { from: 'flags', settings }, placement, healthPortGiven, grace, problems }
}

function collectFrom(flags: SenderFlags, problems: string[]): SenderSettings['collect'] {
  const http = flags.has('http') ? { port: portFlag(flags, 'http', 0, problems) } : undefined
  const tcp = flags.has('tcp') ? { port: portFlag(flags, 'tcp', 0, problems) } : undefined
  if (http !== undefined && tcp !== undefined && http.port === tcp.port && http.port !== 0) {
    problems.push(`Expected \`--http\` and \`--tcp\` to be two ports, got ${http.port} for both`)
  }
  portsDiffer(flags, ['http', 'tcp'], problems)
  const paths = filesFrom(flags, problems)
  return {
    stdin: http === undefined && tcp === undefined && paths.length === 0,
    ...(http === undefined ? {} : { http }),
    ...(tcp === undefined ? {} : { tcp }),
    ...(paths.length === 0 ? {} : { files: { paths } }),
  }
}

/** Absolute, as the program may be asked later where it reads. */
function filesFrom(flags: SenderFlags, problems: string[]): string[] {
  const paths = flags.all('file').map((path) => resolve(path))
  const twice = paths.find((path, index) => paths.indexOf(path) !== index)
  if (twice !== undefined) {
    problems.push(`Expected \`--file\` to name each glob once, got ${twice} twice`)
  }
  return paths
}

function podFrom(env: Environment): Pick<SenderSettings, 'pod'> {
  const name = env[environment.podName]
  const namespace = env[environment.podNamespace]
  const node = env[environment.nodeName]
  if (name === undefined || namespace === undefined) return {}
  return { pod: { namespace, name, ...(node === undefined || node === '' ? {} : { node }) } }
}

function fileFromFlags(
  flags: SenderFlags,
  program: string,
  env: Environment,
  problems: string[],
): SenderFile {
  const credentials = credentialsFrom(flags, problems)
  const deadLetter = deadLetterFrom(flags, program, env, problems)
  checkEnvironment(flags, env, problems)
  const { queue, checkpoints, inMemory } = queueFrom(flags, problems)
  const batchBytes = sizeFlag(flags, 'batch-bytes', defaults.batch.maxBytes, problems)
  if (flags.has('batch-bytes') && batchBytes > queue.maxSize) {
    problems.push('Expected `--batch-bytes` to be at most `--queue-size`, got more')
  }
  return {
    role: 'sender',
    hosts: { list: hostsFrom(flags, problems) },
    tls: tlsFrom(flags, problems),
    ...(credentials === undefined ? {} : { auth: credentials }),
    decorate: 'None',
    batch: {
      maxEvents: integerFlag(
        flags,
        'batch-events',
        { fallback: defaults.batch.maxEvents, min: 1, max: 1_000_000 },
        problems,
      ),
      maxBytes: batchBytes,
      maxWait: durationFlag(flags, 'max-wait', defaults.batch.maxWait, problems),
    },
    queue,
    ...(checkpoints === undefined ? {} : { checkpoints }),
    balancing: {
      coolOff: durationFlag(flags, 'cool-off', defaults.coolOff, problems),
      preferSameZone: false,
    },
    ...(deadLetter === undefined ? {} : { deadLetter }),
    limits: {
      ...defaults.senderLimits,
      memory: Math.max(inMemory, defaults.senderLimits.memory),
      maxLine: sizeFlag(flags, 'max-line', defaults.senderLimits.maxLine, problems),
    },
    logLevel: logLevelFlag(flags, 'Info', problems),
  }
}

/** `inMemory`: bytes of it that the program's own memory must hold. */
function queueFrom(
  flags: SenderFlags,
  problems: string[],
): Pick<SenderFile, 'queue' | 'checkpoints'> & { inMemory: number } {
  const given = flags.get('queue-dir')
  const fallback = given === undefined ? defaults.queueMaxSize : defaults.diskQueueMaxSize
  const maxSize = sizeFlag(flags, 'queue-size', fallback, problems)
  if (given === undefined) {
    return { queue: { type: 'Memory', maxSize, onFull: 'Block' }, inMemory: maxSize }
  }
  const directory = resolve(given)
  return {
    queue: { type: 'Disk', directory: join(directory, 'queue'), maxSize, onFull: 'Block' },
    checkpoints: { directory: join(directory, 'checkpoints') },
    inMemory: 0,
  }
}

function hostsFrom(flags: SenderFlags, problems: string[]): HostEntry[] {
  const text = flags.get('hosts')
  if (text === undefined) {
    problems.push('Expected `--hosts` with at least one receiver, got none')
    return []
  }
  const seen = new Set<string>()
  return text.split(',').flatMap((part) => {
    try {
      const host = parseHost(part.trim(), '--hosts')
      const key = `${host.host} ${host.port}`
      if (seen.has(key)) problems.push(`Expected \`--hosts\` to name each once, got ${part} twice`)
      seen.add(key)
      return [host]
    } catch (error) {
      problems.push(messageOf(error))
      return []
    }
  })
}

function tlsFrom(flags: SenderFlags, problems: string[]): SenderFile['tls'] {
  const identity = identityFrom(flags, problems)
  const trust = trustFrom(flags, problems)
  const verification = choiceFlag(flags, 'verification', ['Full', 'None'], 'Full', problems)
  const serverName = flags.get('server-name')
  if (flags.has('no-tls')) {
    refuseBesideNoTls(flags, ['verification', 'server-name'], problems)
    return { enabled: false }
  }
  if (verification === 'None') {
    const senseless = flags.given('ca', 'truststore', 'server-name')
    if (senseless.length > 0) {
      problems.push(
        `Expected nothing to verify with beside \`--verification none\`, got \`${senseless.join('`, `')}\``,
      )
    }
  }
  return {
    enabled: true,
    trust: trust ?? { type: 'system' },
    verification,
    ...(serverName === undefined ? {} : { serverName }),
    ...(identity === undefined ? {} : { identity }),
  }
}
